import { AsynczError, show } from './asyncz.error.js';

/**
 * No run has this id, or it has ended, or its record was pruned.
 *
 * @publicApi
 */
export class RunNotFoundError extends AsynczError {
  readonly code = 'ASYNCZ_RUN_NOT_FOUND';

  constructor(readonly runId: string) {
    super(
      `No run with the id ${show(runId)} is waiting, under way or in the history, which keeps what the task's option "history" says.`,
    );
  }
}

/**
 * The run has not ended within the `timeout` of a wait. It goes on. If the store was away at the end, `cause` is its error.
 *
 * @publicApi
 */
export class RunWaitTimeoutError extends AsynczError {
  readonly code = 'ASYNCZ_RUN_WAIT_TIMEOUT';

  constructor(
    readonly runId: string,
    timeoutMs: number,
    options?: ErrorOptions,
  ) {
    super(`The run ${show(runId)} has not ended within ${timeoutMs} ms. It goes on.`, options);
  }
}

/**
 * No run of the task has ended within the `timeout` of a wait. If the store was away at the end, `cause` is its error.
 *
 * @publicApi
 */
export class TaskWaitTimeoutError extends AsynczError {
  readonly code = 'ASYNCZ_TASK_WAIT_TIMEOUT';

  constructor(
    readonly taskId: string,
    timeoutMs: number,
    options?: ErrorOptions,
  ) {
    super(`No run of the task ${show(taskId)} has ended within ${timeoutMs} ms.`, options);
  }
}

/**
 * The reason of a run's aborted signal. `cause` of the abort decides how the run is recorded.
 *
 * @publicApi
 */
export abstract class RunAbortedError extends AsynczError {
  constructor(
    message: string,
    readonly runId: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}

/**
 * The run took longer than its task's `timeout`. The `cause` is what its handler threw afterwards, if anything.
 *
 * @publicApi
 */
export class RunTimeoutError extends RunAbortedError {
  readonly code = 'ASYNCZ_RUN_TIMEOUT';

  constructor(runId: string, timeoutMs: number, options?: ErrorOptions) {
    super(`The run ${show(runId)} took longer than its timeout of ${timeoutMs} ms.`, runId, options);
  }
}

/**
 * The run was cancelled on request.
 *
 * @publicApi
 */
export class RunCancelledError extends RunAbortedError {
  readonly code = 'ASYNCZ_RUN_CANCELLED';

  constructor(
    runId: string,
    /** Who asked, when (milliseconds since the epoch by the store's clock), and why. */
    readonly request: { readonly at: number; readonly actor: string | null; readonly reason: string | null },
  ) {
    const { actor, reason } = request;
    super(`The run ${show(runId)} was cancelled${actor ? ` by ${actor}` : ''}${reason ? `: ${reason}` : '.'}`, runId);
  }
}

/**
 * The lease of the run is lost: another scheduler may run it now, and the result of this attempt is refused.
 *
 * @publicApi
 */
export class LeaseLostError extends RunAbortedError {
  readonly code = 'ASYNCZ_LEASE_LOST';

  constructor(runId: string) {
    super(
      `The lease of run ${show(runId)} is lost. Another scheduler may run it, and its result here is refused.`,
      runId,
    );
  }
}

/**
 * The scheduler shuts down and its `shutdownTimeout` has passed.
 *
 * @publicApi
 */
export class ShutdownError extends RunAbortedError {
  readonly code = 'ASYNCZ_SHUTDOWN';

  constructor(runId: string) {
    super(`The run ${show(runId)} was aborted because its scheduler shuts down.`, runId);
  }
}

/**
 * The run is not dead, and only a run that failed or was lost for good can be redriven.
 *
 * @publicApi
 */
export class RunNotDeadError extends AsynczError {
  readonly code = 'ASYNCZ_RUN_NOT_DEAD';

  /** @param status How its last attempt ended, or that it is under way. */
  constructor(
    readonly runId: string,
    readonly status: string,
  ) {
    super(
      `The run ${show(runId)} is not dead (${status}). Only one that failed or was lost for good is run once more.`,
    );
  }
}

/**
 * The record of a dead run cannot be read, so the run cannot be redriven.
 *
 * @publicApi
 */
export class RunUnreadableError extends AsynczError {
  readonly code = 'ASYNCZ_RUN_UNREADABLE';

  constructor(
    readonly runId: string,
    detail: string,
  ) {
    super(`The run ${show(runId)} cannot be run once more while its task is not there. ${detail}`);
  }
}

/**
 * The task of a dead run is gone, and its id now belongs to a task with another handler or other arguments.
 *
 * @publicApi
 */
export class TaskReplacedError extends AsynczError {
  readonly code = 'ASYNCZ_TASK_REPLACED';

  constructor(
    readonly runId: string,
    readonly taskId: string,
  ) {
    super(
      `The run ${show(runId)} cannot be run once more: its task is gone, and the task ${show(taskId)} that is there now ` +
        `has another handler or other arguments. Wait until that one is gone, or delete it.`,
    );
  }
}

/**
 * A handler is a generator, and its task cannot have one: it is not declared by the code, or its executor is not of this process.
 *
 * @publicApi
 */
export class LifecycleError extends AsynczError {
  readonly code = 'ASYNCZ_LIFECYCLE';

  constructor(
    readonly runId: string,
    readonly handler: string,
  ) {
    super(
      `The run ${show(runId)} cannot begin: its handler ${show(handler)} is a generator, which is for tasks that the code declares, ` +
        'on an executor in the process of the scheduler. Write a method for other tasks.',
    );
  }
}
