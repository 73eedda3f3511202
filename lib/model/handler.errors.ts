import { AsynczError } from '../errors/asyncz.error.js';
import { isErrorOf, isObject, read } from '../errors/foreign.js';
import { InvalidOptionError } from '../errors/input.errors.js';
import { parseDuration } from './duration.js';
import type { Duration } from './duration.js';

/** The longest wait that an error may ask for, in milliseconds: a year. */
const LONGEST_MS = 366 * 86_400_000;

const NON_RETRYABLE = 'ASYNCZ_NON_RETRYABLE';
const RETRY_LATER = 'ASYNCZ_RETRY_LATER';

/**
 * Thrown by a handler: the run is dead at once, however many attempts its task has left. Extend it for errors of your own.
 *
 * @publicApi
 */
export class NonRetryableError extends AsynczError {
  readonly code: string = 'ASYNCZ_NON_RETRYABLE';
}

/**
 * Thrown by a handler: the next attempt starts after this wait, whatever back-off the task has. It counts as an attempt; a task
 * without `retry` has 100 of them.
 *
 * @publicApi
 */
export class RetryLaterError extends AsynczError {
  readonly code: string = 'ASYNCZ_RETRY_LATER';
  /** How long to wait, in milliseconds. */
  readonly afterMs: number;

  /**
   * @param after How long to wait, at most a year.
   * @param message Why, for the history.
   * @throws InvalidOptionError
   */
  constructor(after: Duration, message = `Another attempt is asked for after ${after}.`, options?: ErrorOptions) {
    const afterMs = parseDuration(after);
    if (!isWait(afterMs)) {
      throw new InvalidOptionError('after', after, 'a duration from 0 to 366 days, such as 5000, "90s" or "2h"');
    }
    super(message, options);
    this.afterMs = afterMs;
  }
}

/** Whether something thrown says that no attempt follows. By its code too: another copy of this package may have made it. */
export function isNonRetryable(thrown: unknown): boolean {
  return isErrorOf(thrown, NonRetryableError) || (isObject(thrown) && read(thrown, 'code') === NON_RETRYABLE);
}

/** How long to wait for the next attempt, in milliseconds, where something thrown says so; null where it does not. */
export function retryLaterMs(thrown: unknown): number | null {
  if (!isObject(thrown)) return null;
  if (!isErrorOf(thrown, RetryLaterError) && read(thrown, 'code') !== RETRY_LATER) return null;
  const afterMs = read(thrown, 'afterMs');
  return isWait(afterMs) ? afterMs : null;
}

function isWait(ms: unknown): ms is number {
  return typeof ms === 'number' && ms >= 0 && ms <= LONGEST_MS;
}
