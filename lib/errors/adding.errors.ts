import { AsynczError } from './asyncz.error.js';

/**
 * One of the tasks of `addTasks` is refused, and none was added. `cause` is the error that `addTask` would have thrown.
 *
 * @publicApi
 */
export class TaskListError extends AsynczError {
  readonly code = 'ASYNCZ_TASK_LIST';

  /**
   * @param index The position of the task in the list, from 0.
   * @param count How many tasks the list has.
   * @param cause Why it is refused.
   * @param detail The same in words.
   */
  constructor(
    readonly index: number,
    readonly count: number,
    cause: unknown,
    detail: string,
  ) {
    super(`tasks[${index}] is refused, and none of the ${count} was added: ${detail}`, { cause });
  }
}

/**
 * The store failed in the middle of `addTasks`: some of the tasks were added. Those that are named in no list were not, except
 * that the store may have taken some of them and its answer was lost. `cause` is the error of the store.
 *
 * @publicApi
 */
export class TasksPartlyAddedError extends AsynczError {
  readonly code = 'ASYNCZ_TASKS_PARTLY_ADDED';

  /**
   * @param added The ids of the tasks that were added.
   * @param replaced The ids of those that were there and were replaced.
   * @param existing The ids of those that were there and were left as they are.
   * @param count How many tasks the list has.
   * @param cause Why the others were not added.
   * @param detail The same in words.
   */
  constructor(
    readonly added: readonly string[],
    readonly replaced: readonly string[],
    readonly existing: readonly string[],
    count: number,
    cause: unknown,
    detail: string,
  ) {
    const done = added.length + replaced.length + existing.length;
    super(
      `${done} of ${count} tasks were added or found, and the others were not: ${detail}. ` +
        'Tasks with ids of your own can be given once more: what is there is not added twice.',
      { cause },
    );
  }
}

/**
 * The store failed in the middle of an operation on many tasks: some were changed, and the others were not. `cause` is the error of
 * the store.
 *
 * @publicApi
 */
export class TasksPartlyChangedError extends AsynczError {
  readonly code = 'ASYNCZ_TASKS_PARTLY_CHANGED';

  /**
   * @param call The method: `pauseTasks`, `resumeTasks` or `deleteTasks`.
   * @param changed How many tasks it has changed.
   * @param cause Why the others were not.
   * @param detail The same in words.
   */
  constructor(
    readonly call: string,
    readonly changed: number,
    cause: unknown,
    detail: string,
  ) {
    super(`${call} has changed ${changed} tasks, and not the others: ${detail}. It can be called once more.`, {
      cause,
    });
  }
}
