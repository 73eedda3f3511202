import { StoreUnavailableError } from '../../../errors/store.errors.js';

/**
 * What a driver said, without the statement and the values that it carries along: those are the user's data, and errors
 * end up in logs.
 */
export class DriverError extends Error {
  /** The driver's or the database's own code, such as `40P01`, `ER_LOCK_DEADLOCK`, `SQLITE_BUSY`, `ECONNREFUSED`. */
  readonly code: string;

  constructor(error: unknown) {
    super(messageOf(error));
    this.name = 'DriverError';
    this.code = codeOf(error);
  }
}

/** The error for a statement that failed. */
export function unavailable(address: string, error: unknown): StoreUnavailableError {
  const cause = new DriverError(error);
  return new StoreUnavailableError(address, cause.message, { cause });
}

/** What the driver said, when the error is of {@link unavailable}. */
export function driverErrorOf(error: unknown): DriverError | null {
  return error instanceof StoreUnavailableError && error.cause instanceof DriverError ? error.cause : null;
}

function messageOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  // Node tries every address of a host and puts what each said into an error without a message.
  if (error instanceof AggregateError && error.message === '') return messageOf(error.errors[0]);
  return error.message;
}

function codeOf(error: unknown): string {
  const { code, driverError, errors } = error as { code?: unknown; driverError?: unknown; errors?: unknown[] };
  if (typeof code === 'string') return code;
  if (driverError) return codeOf(driverError);
  return errors?.length ? codeOf(errors[0]) : '';
}
