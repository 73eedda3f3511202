import { AsynczError, show } from './asyncz.error.js';

/**
 * One thing that is wrong with the arguments of a task.
 *
 * @publicApi
 */
export interface ArgumentIssue {
  /** Where: `data.items[2].count`, `args[0]`. */
  readonly path: string;
  /** What is wrong, as the schema says it. */
  readonly message: string;
  /** The rule that refuses it, as the library of the schema calls it (`too_small`, `min_length`); null where that gives none. */
  readonly rule: string | null;
}

/**
 * The schema of a handler refuses the arguments of a task. Where the task was to be added or changed, nothing was stored; a run
 * that was to start is dead.
 *
 * @publicApi
 */
export class ArgumentsRefusedError extends AsynczError {
  readonly code = 'ASYNCZ_ARGUMENTS_REFUSED';

  /**
   * @param handler The name of the handler.
   * @param issues What is wrong; at most ten.
   * @param omitted How many more there are.
   */
  constructor(
    readonly handler: string,
    readonly issues: readonly ArgumentIssue[],
    omitted = 0,
  ) {
    const all = issues.map(({ path, message, rule }) => `${path}: ${message}${rule === null ? '' : ` (${rule})`}`);
    const more = omitted > 0 ? `; and ${omitted} more` : '';
    super(`The arguments are refused by the schema of handler ${show(handler)}: ${all.join('; ')}${more}.`);
  }
}

/**
 * The schema of a handler, or one of its `upcast` functions, has failed itself, so that nothing is known of the arguments.
 *
 * @publicApi
 */
export class SchemaFailedError extends AsynczError {
  readonly code = 'ASYNCZ_SCHEMA_FAILED';

  constructor(
    readonly handler: string,
    problem: string,
    options?: ErrorOptions,
  ) {
    super(`The schema of handler ${show(handler)} failed: ${problem}`, options);
  }
}
