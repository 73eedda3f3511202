import { AsynczError, show } from './asyncz.error.js';

/**
 * A step of a run is used in a way that cannot work. A run that ends with such an error is not tried again: it would end so each
 * time.
 *
 * @publicApi
 */
export abstract class StepError extends AsynczError {
  constructor(
    message: string,
    readonly runId: string,
    /** The name of the step. */
    readonly step: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}

/**
 * Two steps of one attempt have the same name, so that the stored result of the one would be taken for that of the other.
 *
 * @publicApi
 */
export class DuplicateStepError extends StepError {
  readonly code = 'ASYNCZ_DUPLICATE_STEP';

  constructor(runId: string, step: string) {
    super(
      `The run ${show(runId)} has two steps with the name ${show(step)}. Give each step a name of its own; ` +
        'in a loop put the number or the id of the item into it.',
      runId,
      step,
    );
  }
}

/**
 * A step was begun outside of its run: the run was over, or the context is none of a run.
 *
 * @publicApi
 */
export class StepOutsideRunError extends StepError {
  readonly code = 'ASYNCZ_STEP_OUTSIDE_RUN';

  constructor(runId: string, step: string) {
    super(
      `The step ${show(step)} was begun when the run ${show(runId)} was over. Await each step before the handler returns.`,
      runId,
      step,
    );
  }
}

/**
 * The result of a step, or all steps of a run together, are larger than what is kept.
 *
 * @publicApi
 */
export class StepLimitError extends StepError {
  readonly code = 'ASYNCZ_STEP_LIMIT';

  /** @param what Is too large or too many, in words, with the number. @param allowed In words, with the unit. */
  constructor(runId: string, step: string, what: string, allowed: string) {
    super(
      `The step ${show(step)} of run ${show(runId)} cannot be kept: ${what}. Allowed: ${allowed}. ` +
        'Keep large data elsewhere, and give back where it is.',
      runId,
      step,
    );
  }
}

/**
 * The result of a step cannot be stored, or what is stored of it cannot be read. The `cause` says why.
 *
 * @publicApi
 */
export class StepResultError extends StepError {
  readonly code = 'ASYNCZ_STEP_RESULT';

  /** @param problem In words: what about it cannot be written or read. */
  constructor(runId: string, step: string, problem: string, options?: ErrorOptions) {
    super(`The result of step ${show(step)} of run ${show(runId)} ${problem}`, runId, step, options);
  }
}

/**
 * A transaction of a run, or a step within one, that cannot be.
 *
 * @publicApi
 */
export class StepTransactionError extends StepError {
  readonly code = 'ASYNCZ_STEP_TRANSACTION';

  /** @param problem What cannot be, in words, as it goes on after the name of the step. */
  constructor(runId: string, step: string, problem: string) {
    super(`The step ${show(step)} of run ${show(runId)} ${problem}.`, runId, step);
  }
}

/**
 * What `TaskContext.sleep` and `snooze` reject with: the run is put off, and its handler is to end. The run is neither failed nor
 * aborted, whatever the handler makes of this error.
 *
 * @publicApi
 */
export class RunSuspendedError extends AsynczError {
  readonly code = 'ASYNCZ_RUN_SUSPENDED';

  constructor(
    readonly runId: string,
    /** Until when, by the clock of the store. */
    readonly until: Date,
  ) {
    super(
      `The run ${show(runId)} goes on at ${until.toISOString()}; until then its handler has to end. Let this error pass.`,
    );
  }
}
