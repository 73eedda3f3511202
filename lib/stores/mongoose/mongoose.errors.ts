import { StoreUnavailableError } from '../../errors/store.errors.js';

/** The code of a duplicate key. */
const DUPLICATE_KEY = 11_000;

interface ServerError {
  readonly name?: string;
  readonly message?: string;
  readonly code?: number | string;
  readonly writeErrors?: unknown;
  readonly hasErrorLabel?: (label: string) => boolean;
}

/** A batch without an operation that failed was done, and not by as many servers as it had to be. */
const LOST =
  /^Mongo(?:Network|ServerSelection|PoolCleared|ConnectionPool|WriteConcern|BulkWrite|ServerClosed|NotConnected)/;

/**
 * What the driver throws as the socket has it: it waits for a socket that is full with `once(socket, 'drain')`, which rejects
 * with whatever befalls the socket. Seen with mongodb 7.8 when the server is killed.
 */
const SOCKET_ERRORS = new Set(['EPIPE', 'ECONNRESET', 'ECONNABORTED', 'ETIMEDOUT', 'EHOSTUNREACH', 'ENETUNREACH']);

function isSocketError({ code }: ServerError): boolean {
  return typeof code === 'string' && SOCKET_ERRORS.has(code);
}

/** What MongoDB said about one operation of a batch. */
export interface WriteError {
  /** The index of the operation in the batch. */
  readonly index: number;
  readonly code: number;
  readonly errmsg?: string;
}

export function isDuplicateKey(error: unknown): boolean {
  return (error as ServerError | null)?.code === DUPLICATE_KEY;
}

export function isDuplicateWrite({ code }: WriteError): boolean {
  return code === DUPLICATE_KEY;
}

/** The operations of a batch that failed, where the rest of it was done; null when it failed as a whole. */
export function writeErrorsOf(error: unknown): readonly WriteError[] | null {
  const { name, writeErrors } = (error ?? {}) as ServerError;
  if (name !== 'MongoBulkWriteError' || writeErrors === undefined) return null;
  const all = (Array.isArray(writeErrors) ? writeErrors : [writeErrors]) as WriteError[];
  return all.length === 0 ? null : all;
}

/**
 * Whether the answer was lost or is not final, so that what was asked for may have been done or not. By name: the
 * application may have another copy of the driver.
 */
export function isAnswerLost(error: unknown): boolean {
  const known = (error ?? {}) as ServerError;
  const { name = '', hasErrorLabel } = known;
  return LOST.test(name) || isSocketError(known) || hasErrorLabel?.call(error, 'RetryableWriteError') === true;
}

/** An error of the driver as the contract has it; others as they are. */
export function unavailable(address: string, error: unknown): unknown {
  const known = (error ?? {}) as ServerError;
  const { name = '', message = '' } = known;
  const isOfDriver = name.startsWith('Mongo') || isSocketError(known);
  return isOfDriver ? new StoreUnavailableError(address, message, { cause: error }) : error;
}
