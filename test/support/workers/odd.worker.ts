// Handlers that do what an executor has to cope with.
import { NonRetryableError, RetryLaterError } from 'nestjs-asyncz';
import type { TaskContext } from 'nestjs-asyncz';

export const add = (a: number, b: number): number => a + b;

export const spin = (): never => {
  for (;;);
};

/** Waits for ever, and does not heed its signal. */
export const hang = (context: TaskContext): Promise<never> => {
  context.progress('hangs');
  return new Promise(() => setInterval(() => {}, 1_000));
};

/** Waits until it is aborted. */
export const wait = async (context: TaskContext): Promise<void> => {
  context.progress('waits');
  await new Promise((resolve) => context.signal.addEventListener('abort', resolve));
  throw context.signal.reason;
};

export const exit = (code: number): never => process.exit(code);

/** Ends its worker when the run is over. */
export const exitLater = (): void => void setTimeout(() => process.exit(7), 20);

export const throwOutside = (): Promise<never> => {
  setTimeout(() => {
    throw new TypeError('thrown in a timer');
  }, 10);
  return new Promise(() => {});
};

export const eatMemory = (): never => {
  const eaten: number[][] = [];
  for (;;) eaten.push(Array.from({ length: 100_000 }, () => Math.random()));
};

export const giveFunction = (): (() => void) => () => {};

export const giveMuch = (bytes: number): string => 'x'.repeat(bytes);

export const giveUp = (): never => {
  throw new NonRetryableError('of no use');
};

export const askLater = (): never => {
  throw new RetryLaterError('1ms', 'come again');
};

export const flood = (context: TaskContext): void => {
  for (let count = 1; count <= 20_000; count += 1) context.progress(count);
};

export const floodLog = (context: TaskContext): void => {
  for (let count = 1; count <= 1_000; count += 1) context.log.log(`line ${count}`);
};

export const progressWith = (context: TaskContext): void => context.progress(() => {});

export const listenBadly = async (context: TaskContext): Promise<string> => {
  context.signal.addEventListener('abort', () => {
    throw new Error('a listener that throws');
  });
  context.progress('listens');
  await new Promise((resolve) => context.signal.addEventListener('abort', resolve));
  return 'ended';
};

export const generate = function* (): Generator<number> {
  yield 1;
};
