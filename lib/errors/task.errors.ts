import { AsynczError, show } from './asyncz.error.js';

/**
 * The base of errors about one task.
 *
 * @publicApi
 */
export abstract class TaskError extends AsynczError {
  constructor(
    message: string,
    readonly taskId: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}

/**
 * A task with this id exists already.
 *
 * @publicApi
 */
export class TaskConflictError extends TaskError {
  readonly code = 'ASYNCZ_TASK_CONFLICT';

  constructor(taskId: string, where = 'the store') {
    super(
      `A task with the id ${show(taskId)} exists already in ${where}. Use another id, or replaceExisting: true to replace it.`,
      taskId,
    );
  }
}

/**
 * No task has this id.
 *
 * @publicApi
 */
export class TaskNotFoundError extends TaskError {
  readonly code = 'ASYNCZ_TASK_NOT_FOUND';

  constructor(taskId: string, where = 'any store') {
    super(`No task with the id ${show(taskId)} is in ${where}.`, taskId);
  }
}

/**
 * The stored version of the task is not the expected one.
 *
 * @publicApi
 */
export class VersionConflictError extends TaskError {
  readonly code = 'ASYNCZ_VERSION_CONFLICT';

  constructor(
    taskId: string,
    readonly expectedVersion: number,
    readonly actualVersion: number,
  ) {
    super(
      `The task ${show(taskId)} has version ${actualVersion}, not ${expectedVersion}: it was changed by somebody else in the meantime. Read it again.`,
      taskId,
    );
  }
}

/**
 * The record of the task cannot be read, so it cannot be changed; it can be deleted.
 *
 * @publicApi
 */
export class TaskUnreadableError extends TaskError {
  readonly code = 'ASYNCZ_TASK_UNREADABLE';

  constructor(
    taskId: string,
    readonly reason: string,
    detail: string,
  ) {
    super(`The record of task ${show(taskId)} cannot be read (${reason}): ${detail}`, taskId);
  }
}

/**
 * The trigger has no time to run at, so the task would never run.
 *
 * @publicApi
 */
export class TriggerExhaustedError extends TaskError {
  readonly code = 'ASYNCZ_TRIGGER_EXHAUSTED';

  constructor(taskId: string, description: string) {
    super(`The task ${show(taskId)} would never run: its trigger (${description}) has no time after now.`, taskId);
  }
}
