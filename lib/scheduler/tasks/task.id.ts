import { randomUUID } from 'node:crypto';

/** Where the part of a random UUID begins that follows its version. */
const AFTER_VERSION = 15;

/**
 * Makes ids for tasks that are given none: UUIDs of version 7, which begin with the time. Ids that grow are added at one end of
 * the indexes of a database; random ones each touch another page of them.
 *
 * @param now Milliseconds since the epoch.
 */
export function taskIds(now: number): () => string {
  const time = Math.max(0, Math.floor(now)).toString(16).padStart(12, '0').slice(-12);
  const head = `${time.slice(0, 8)}-${time.slice(8)}-7`;
  return () => head + randomUUID().slice(AFTER_VERSION);
}
