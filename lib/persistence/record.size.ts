import { InvalidOptionError } from '../errors/input.errors.js';
import { UnreadableFault } from './unreadable.fault.js';

/** The largest stored definition or outcome unless an option says otherwise, in bytes. */
export const DEFAULT_MAX_PAYLOAD_BYTES = 1_048_576;

/**
 * The largest text of a record that is read unless an option says otherwise: so many times `maxPayloadBytes`. A limit that
 * is lowered does not cost the records that were written before.
 */
const READ_FACTOR = 4;

/** What is read however small `maxPayloadBytes` is, in bytes: a state is not limited by it, nor what is kept of an error. */
const MIN_RECORD_BYTES = 1_048_576;

/** How large records may be, in bytes. */
export interface RecordSizes {
  /** The largest definition or outcome that is written. */
  readonly maxPayloadBytes: number;
  /** The largest definition, state or outcome that is read. */
  readonly maxRecordBytes: number;
}

/**
 * Checks the sizes and fills in the defaults.
 *
 * @throws InvalidOptionError For one that is not a whole number from 1, and for less to be read than is written.
 */
export function resolveRecordSizes({
  maxPayloadBytes = DEFAULT_MAX_PAYLOAD_BYTES,
  maxRecordBytes,
}: {
  readonly [Size in keyof RecordSizes]?: RecordSizes[Size] | undefined;
}): RecordSizes {
  checkBytes('maxPayloadBytes', maxPayloadBytes, 1, '1');
  if (maxRecordBytes === undefined) {
    return { maxPayloadBytes, maxRecordBytes: Math.max(READ_FACTOR * maxPayloadBytes, MIN_RECORD_BYTES) };
  }
  checkBytes('maxRecordBytes', maxRecordBytes, maxPayloadBytes, `maxPayloadBytes, which is ${maxPayloadBytes}`);
  return { maxPayloadBytes, maxRecordBytes };
}

function checkBytes(option: string, value: unknown, least: number, leastText: string): void {
  if (Number.isSafeInteger(value) && Number(value) >= least) return;
  throw new InvalidOptionError(option, value, `a whole number of bytes from ${leastText}`);
}

/**
 * Refuses a record before it is looked into: to read 100 MB of JSON blocks the process for many seconds.
 *
 * @param oversize How many bytes it has, where the store has left them out.
 * @param texts What was read of it.
 * @throws UnreadableFault
 */
export function refuseLarge(oversize: number | undefined, texts: readonly unknown[], maxBytes: number): void {
  let largest = oversize ?? 0;
  for (const text of texts) {
    // A character of a text takes one byte at the least and three at the most.
    if (typeof text !== 'string' || text.length * 3 <= maxBytes) continue;
    largest = Math.max(largest, text.length > maxBytes ? text.length : Buffer.byteLength(text));
  }
  if (largest <= maxBytes) return;
  throw new UnreadableFault('too-large', largeText(largest, maxBytes));
}

/** Why a record is not read that is too large. */
export function largeText(bytes: number, maxBytes: number): string {
  return `The record has ${bytes} bytes or more; at most ${maxBytes} are read (maxRecordBytes).`;
}
