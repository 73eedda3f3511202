import type { Redis } from 'ioredis';
import { MACHINE } from '../../model/clock.js';

/** How long a connection may take from its being made to its being ready before it is made anew, in milliseconds. */
const HANDSHAKE_TIMEOUT_MS = 5_000;

/**
 * Makes connections anew that do not become ready: ioredis waits without end for the answer to its first question, which the
 * network may have lost.
 *
 * @returns A function that ends it.
 */
export function renewStuckHandshakes(client: Redis): () => void {
  let settled = () => {};
  const connected = () => {
    settled();
    settled = MACHINE.schedule(() => client.disconnect(true), HANDSHAKE_TIMEOUT_MS);
  };
  const onSettled = () => settled();
  client.on('connect', connected).on('ready', onSettled).on('close', onSettled);
  return () => {
    settled();
    client.off('connect', connected).off('ready', onSettled).off('close', onSettled);
  };
}
