import { AsynczError, show } from './asyncz.error.js';

/**
 * Where and why a cron expression cannot be read.
 *
 * @publicApi
 */
export interface CronProblem {
  /** The expression, or the text of one field where the fields are given one by one. */
  readonly expression: string;
  /** Where in it, from 0. */
  readonly position: number;
  /** How many characters of it are meant. */
  readonly length: number;
  /** The field: `minute`, `hour`, …; null when it is about the whole expression. */
  readonly field: string | null;
  /** What is wrong, in words: `hour 25 does not exist`. */
  readonly found: string;
  /** What is allowed there, in words. */
  readonly allowed: string;
  /** What was probably meant; null when nothing is near. */
  readonly suggestion: string | null;
}

/** How much of a long expression is shown on either side of the place that is meant. */
const SHOWN = 60;

/**
 * A cron expression cannot be read. The message points at the character, says what was found and what is allowed there, and
 * suggests what was probably meant.
 *
 * @publicApi
 */
export class CronSyntaxError extends AsynczError {
  readonly code = 'ASYNCZ_CRON_SYNTAX';
  readonly expression: string;
  /** Where in the expression, from 0. */
  readonly position: number;
  /** The field: `minute`, `hour`, …; null when it is about the whole expression. */
  readonly field: string | null;
  /** What is allowed there, in words. */
  readonly allowed: string;
  /** What was probably meant; null when nothing is near. */
  readonly suggestion: string | null;

  readonly #problem: CronProblem;

  constructor(problem: CronProblem) {
    const { expression, position, length, field, found, allowed, suggestion } = problem;
    const hint = suggestion === null ? '' : ` Did you mean ${suggestion}?`;
    super(
      `Invalid cron expression: ${found} (character ${position + 1}). ` +
        `Allowed: ${allowed}.${hint}\n${pointAt(expression, position, length)}`,
    );
    this.expression = expression;
    this.position = position;
    this.field = field;
    this.allowed = allowed;
    this.suggestion = suggestion;
    this.#problem = problem;
  }

  /** The same error with what was probably meant. */
  withSuggestion(suggestion: string): CronSyntaxError {
    return new CronSyntaxError({ ...this.#problem, suggestion });
  }
}

function pointAt(expression: string, position: number, length: number): string {
  const start = Math.max(0, position - SHOWN);
  const end = Math.min(expression.length, position + SHOWN);
  // One character a character, so that the mark stands below the place.
  const shown = expression.slice(start, end).replace(/[^\x20-\x7e]/g, '?');
  const mark = '^'.repeat(Math.max(1, Math.min(length, end - position)));
  return `  ${shown}\n  ${' '.repeat(position - start)}${mark}`;
}

/**
 * A trigger can never have a time, so a task with it would never run.
 *
 * @publicApi
 */
export class ImpossibleTriggerError extends AsynczError {
  readonly code = 'ASYNCZ_IMPOSSIBLE_TRIGGER';

  /**
   * @param description The trigger in words.
   * @param reason Why it never fires.
   */
  constructor(
    readonly description: string,
    readonly reason: string,
  ) {
    super(`The trigger ${show(description)} never fires: ${reason}.`);
  }
}

/**
 * The search for the times of a trigger was given up: whether there is one is not known. A task with such a trigger has this as its
 * problem and is tried again later.
 *
 * @publicApi
 */
export class SearchLimitError extends AsynczError {
  readonly code = 'ASYNCZ_SEARCH_LIMIT';

  /** @param steps How many steps the search took. */
  constructor(readonly steps: number) {
    super(
      `The search for a time of the trigger was given up after ${steps} steps; whether there is one is not known. ` +
        'Use a trigger whose times lie closer together or are simpler to find.',
    );
  }
}
