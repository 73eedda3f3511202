import { namesOf } from '../../model/names.js';
import type { ActorOptions } from './control.options.js';
import type { HandlerName, TaskHandlers, TaskOptions } from './task.options.js';

/**
 * One of the tasks of `addTasks`: as for `addTask`, but for the transaction, and who asks and why, which are those of the call.
 *
 * @publicApi
 */
export type ListedTask<Handlers = TaskHandlers> = {
  [Name in HandlerName<Handlers>]: Omit<TaskOptions<Handlers, Name>, 'transaction' | 'actor' | 'reason'>;
}[HandlerName<Handlers>];

/**
 * Options of `addTasks`.
 *
 * @publicApi
 */
export interface AddTasksOptions extends ActorOptions {
  /** The caller's own transaction, as for `addTask`: all of the tasks are stored if it commits. */
  readonly transaction?: unknown;
}

/** The names of {@link AddTasksOptions}. */
export const ADD_TASKS_OPTIONS = namesOf<keyof AddTasksOptions>({ transaction: 0, actor: 0, reason: 0 });

/**
 * What `addTasks` did, as ids in the order of the list, store by store.
 *
 * @publicApi
 */
export interface AddTasksResult {
  /** Those that are new. */
  readonly added: readonly string[];
  /** Those that were there, and were replaced since they have `replaceExisting`. */
  readonly replaced: readonly string[];
  /** Those that were there, and were left as they are. */
  readonly existing: readonly string[];
}
