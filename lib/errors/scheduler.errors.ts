import { AsynczError, show } from './asyncz.error.js';

/**
 * The operation needs a running scheduler.
 *
 * @publicApi
 */
export class SchedulerNotRunningError extends AsynczError {
  readonly code = 'ASYNCZ_NOT_RUNNING';

  constructor(operation: string) {
    super(
      `${operation} needs a running scheduler, and this one is stopped. It starts with the application, or by start().`,
    );
  }
}

/**
 * The scheduler is an observer (`role: 'observer'`): it reads, and changes nothing in its stores.
 *
 * @publicApi
 */
export class ReadOnlyError extends AsynczError {
  readonly code = 'ASYNCZ_READ_ONLY';

  /** @param operation What would have changed the store. */
  constructor(readonly operation: string) {
    super(
      `${operation} would change the store, and this scheduler is an observer. Use one with role: "client" for that.`,
    );
  }
}

/**
 * The operation is only possible while the scheduler is stopped.
 *
 * @publicApi
 */
export class SchedulerRunningError extends AsynczError {
  readonly code = 'ASYNCZ_RUNNING';

  constructor(operation: string) {
    super(`${operation} is not possible while the scheduler runs.`);
  }
}

/**
 * A store, an executor, a handler, a scheduled task or a scheduler has this name already.
 *
 * @publicApi
 */
export class DuplicateNameError extends AsynczError {
  readonly code = 'ASYNCZ_DUPLICATE_NAME';

  /**
   * @param hint What to do about it.
   */
  constructor(
    readonly kind: 'store' | 'executor' | 'handler' | 'scheduled task' | 'scheduler',
    readonly value: string,
    hint: string,
  ) {
    super(`There is a ${kind} ${show(value)} already. ${hint}`);
  }
}

/**
 * The operation makes no sense for this task.
 *
 * @publicApi
 */
export class InvalidTaskStateError extends AsynczError {
  readonly code = 'ASYNCZ_INVALID_TASK_STATE';

  constructor(
    readonly taskId: string,
    operation: string,
    reason: string,
  ) {
    super(`The task ${show(taskId)} cannot be ${operation}: ${reason}`);
  }
}

/**
 * A drained scheduler still has runs under way after the `timeout` of the wait. It goes on draining.
 *
 * @publicApi
 */
export class DrainTimeoutError extends AsynczError {
  readonly code = 'ASYNCZ_DRAIN_TIMEOUT';

  constructor(
    readonly identity: string,
    timeoutMs: number,
  ) {
    super(
      `The scheduler ${show(identity)} was not drained within ${timeoutMs} ms. It claims nothing more and goes on.`,
    );
  }
}

/**
 * The drain was taken back during the wait for it. The scheduler claims again.
 *
 * @publicApi
 */
export class DrainWithdrawnError extends AsynczError {
  readonly code = 'ASYNCZ_DRAIN_WITHDRAWN';

  constructor(readonly identity: string) {
    super(`The drain of the scheduler ${show(identity)} was taken back before it had no run under way any more.`);
  }
}

/**
 * The scheduler that waits for a drain was stopped, or lost the store that both share. The drain goes on.
 *
 * @publicApi
 */
export class DrainUnknownError extends AsynczError {
  readonly code = 'ASYNCZ_DRAIN_UNKNOWN';

  constructor(readonly identity: string) {
    super(
      `Whether the scheduler ${show(identity)} was drained is not known: the one that waited for it was stopped, or ` +
        `the store that they shared was removed from it. The drain goes on.`,
    );
  }
}
