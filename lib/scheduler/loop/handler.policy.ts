import { InvalidOptionError } from '../../errors/input.errors.js';
import { isArray, isErrorOf, read } from '../../errors/foreign.js';
import { takePromise } from '../../errors/returned.js';
import { verdictOf } from '../../executors/verdict.js';
import type { Duration } from '../../model/duration.js';
import { namesOf } from '../../model/names.js';
import { toMilliseconds } from '../../time/inputs.js';

/** A class of errors. @publicApi */
export type ErrorClass = abstract new (...args: never[]) => unknown;

/**
 * Which errors are meant: a function that says true for them, or their classes.
 *
 * @publicApi
 */
export type ErrorFilter = ((error: unknown) => boolean) | readonly ErrorClass[];

/**
 * What the errors of a handler lead to. It is code and is not stored: it belongs to the handler, and holds for all of its tasks
 * from the next deploy on. How many attempts there are says the `retry` of the task.
 *
 * @publicApi
 */
export interface HandlerPolicy {
  /** Only these errors are tried again. All when left out. */
  readonly retryOn?: ErrorFilter;
  /** These errors are never tried again. None when left out. */
  readonly abortOn?: ErrorFilter;
  /**
   * How long to wait after an error, instead of the `retry.backoff` of the task: a duration, null for no further attempt, or
   * undefined for what the task says.
   *
   * @param attempt The attempt that failed, from 1.
   */
  readonly backoff?: (error: unknown, attempt: number) => Duration | null | undefined;
}

/** The names of {@link HandlerPolicy}. */
export const HANDLER_POLICY_OPTIONS = namesOf<keyof HandlerPolicy>({ retryOn: 0, abortOn: 0, backoff: 0 });

/** Checks the policy of a handler. @throws InvalidOptionError */
export function checkPolicy({ retryOn, abortOn, backoff }: HandlerPolicy): void {
  for (const [option, filter] of Object.entries({ retryOn, abortOn })) {
    const isList = isArray(filter) && filter.every((one) => typeof one === 'function');
    const isFilter = typeof filter === 'function' && !isErrorClass(filter);
    if (filter !== undefined && !isFilter && !isList) {
      throw new InvalidOptionError(option, filter, 'a function of the error, or a list of classes of errors');
    }
  }
  if (backoff !== undefined && typeof backoff !== 'function') {
    throw new InvalidOptionError('backoff', backoff, 'a function of the error and the attempt');
  }
}

/**
 * Whether an error is worth another attempt, as far as the handler has a say.
 *
 * @throws InvalidOptionError When a function answers with something else than true or false, such as a promise; and whatever the functions throw.
 */
export function isRetryable({ retryOn, abortOn }: HandlerPolicy, error: unknown): boolean {
  const decided = verdictOf(error);
  if (decided) return decided.isRetryable;
  return !(matches('abortOn', abortOn, error) ?? false) && (matches('retryOn', retryOn, error) ?? true);
}

/**
 * How long the handler wants to wait, in milliseconds; null for no further attempt, undefined where it has no say.
 *
 * @throws InvalidOptionError When it gives no duration; and whatever the function throws.
 */
export function backoffOf({ backoff }: HandlerPolicy, error: unknown, attempt: number): number | null | undefined {
  const decided = verdictOf(error);
  if (decided) return decided.backoffMs;
  const wait: unknown = backoff?.(error, attempt);
  if (wait === undefined || wait === null) return wait;
  takePromise(wait);
  return toMilliseconds(wait as Duration, 'backoff()');
}

function matches(option: string, filter: ErrorFilter | undefined, error: unknown): boolean | undefined {
  if (filter === undefined) return undefined;
  if (typeof filter !== 'function') return filter.some((one) => isErrorOf(error, one));
  const answer: unknown = filter(error);
  takePromise(answer);
  if (typeof answer !== 'boolean') throw new InvalidOptionError(`${option}()`, answer, 'true or false');
  return answer;
}

/** A class alone would be called as a function, and `Error` answers with an error. */
function isErrorClass(given: object): boolean {
  const prototype = read(given, 'prototype');
  return given === Error || isErrorOf(prototype, Error);
}
