import { randomBytes } from 'node:crypto';

/** A UUID has 26 bits for the count: 12 behind the version, 14 behind the variant. */
const COUNTS = 2 ** 26;
const LOW_BITS = 14;

/** Times of 48 bits: until the year 10889. */
const MAX_TIME = 2 ** 48 - 1;

let lastTime = -1;
let count = 0;

/**
 * The id of an entry of the journal: a UUID of version 7 (RFC 9562). Of one process, those of the same millisecond are in the
 * order in which they were made.
 *
 * @param time Milliseconds since the epoch.
 */
export function journalId(time: number): string {
  const at = wholeTime(time);
  count = at === lastTime ? (count + 1) % COUNTS : 0;
  lastTime = at;
  const hex = hexOf(at);
  const high = (0x7000 | (count >>> LOW_BITS)).toString(16);
  const low = (0x8000 | (count & (2 ** LOW_BITS - 1))).toString(16);
  return `${hex.slice(0, 8)}-${hex.slice(8)}-${high}-${low}-${randomBytes(6).toString('hex')}`;
}

/**
 * Not after the id of any entry of this time or later, and after those of all earlier ones.
 *
 * @param time Milliseconds since the epoch.
 */
export function journalIdAt(time: number): string {
  const hex = hexOf(wholeTime(Math.ceil(time)));
  return `${hex.slice(0, 8)}-${hex.slice(8)}`;
}

function wholeTime(time: number): number {
  return Math.min(MAX_TIME, Math.max(0, Math.floor(time)));
}

function hexOf(time: number): string {
  return time.toString(16).padStart(12, '0');
}
