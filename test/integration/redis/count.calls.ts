import type { Redis } from 'ioredis';

/** Counts the calls that a client makes from now on. */
export function countCalls(own: Redis): () => number {
  let calls = 0;
  const send = own.sendCommand.bind(own);
  own.sendCommand = (...args) => {
    calls += 1;
    return send(...args);
  };
  return () => calls;
}
