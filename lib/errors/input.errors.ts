import { AsynczError, listOf, show } from './asyncz.error.js';

/**
 * An option has a value that is not allowed.
 *
 * @publicApi
 */
export class InvalidOptionError extends AsynczError {
  readonly code = 'ASYNCZ_INVALID_OPTION';

  /**
   * @param option The option's name, with its path where it is nested (`retry.attempts`).
   * @param value What was given.
   * @param allowed What is allowed, in words.
   */
  constructor(
    readonly option: string,
    readonly value: unknown,
    readonly allowed: string,
    options?: ErrorOptions,
  ) {
    super(`Invalid ${option}: ${show(value)}. Allowed: ${allowed}.`, options);
  }
}

/**
 * An option does not exist.
 *
 * @publicApi
 */
export class UnknownOptionError extends AsynczError {
  readonly code = 'ASYNCZ_UNKNOWN_OPTION';

  /**
   * @param where What has the options: `AsynczModule.forRoot`, `the "cron" trigger`.
   * @param option The name that is not known.
   * @param allowed The names that are.
   */
  constructor(
    readonly where: string,
    readonly option: string,
    readonly allowed: readonly string[],
  ) {
    super(`Unknown option ${show(option)} of ${where}. Allowed: ${listOf(allowed)}.`);
  }
}

/**
 * A name of a store, an executor, a trigger type, a handler or a serializer is not registered.
 *
 * @publicApi
 */
export class UnknownNameError extends AsynczError {
  readonly code: string;

  /**
   * @param kind What it should name.
   * @param value The name that is not known.
   * @param allowed The names that are.
   * @param hint What may be meant.
   */
  constructor(
    readonly kind:
      | 'store'
      | 'store type'
      | 'executor'
      | 'executor type'
      | 'trigger type'
      | 'handler'
      | 'serializer'
      | 'calendar'
      | 'back-off'
      | 'live scheduler'
      | 'scheduler',
    readonly value: string,
    readonly allowed: readonly string[],
    hint?: string,
  ) {
    super(`Unknown ${kind} ${show(value)}. Known: ${listOf(allowed)}.${hint === undefined ? '' : ` ${hint}`}`);
    this.code = `ASYNCZ_UNKNOWN_${kind.toUpperCase().replace(/[ -]/g, '_')}`;
  }
}

/**
 * Throws an {@link UnknownOptionError} for the first key of `options` that is not in `allowed`, and an
 * {@link InvalidOptionError} for what has none.
 */
export function rejectUnknownOptions(where: string, options: object, allowed: readonly string[]): void {
  if (typeof options !== 'object' || options === null) {
    throw new InvalidOptionError(`options of ${where}`, options, 'an object');
  }
  for (const key of Object.keys(options)) {
    if (!allowed.includes(key)) throw new UnknownOptionError(where, key, allowed);
  }
}
