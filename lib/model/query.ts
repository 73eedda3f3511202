import { namesOf } from './names.js';
import type { RunRecord, RunSource, RunStatus } from './run.js';
import type { StoredTask, TaskRecord } from './task.js';
import { isDisabled } from './definition.js';
import { isIdle, runningCount } from './task.js';

/**
 * The state of a task in one word. `running` when a run is under way, else `disabled` when the code holds it, else `paused`, else
 * `finished` when nothing is to come, else `scheduled`. `pending` is one that waits for the scheduler's start; `unreadable` one whose record cannot be read.
 *
 * @publicApi
 */
export type TaskStateName = 'pending' | 'scheduled' | 'running' | 'disabled' | 'paused' | 'finished' | 'unreadable';

/** Every {@link TaskStateName}, for checking input. */
export const TASK_STATE_NAMES = namesOf<TaskStateName>({
  pending: 0,
  scheduled: 0,
  running: 0,
  disabled: 0,
  paused: 0,
  finished: 0,
  unreadable: 0,
});

/** The state of a stored task. Stores that filter in the database do the same with their columns. */
export function taskStateName(task: StoredTask): Exclude<TaskStateName, 'pending'> {
  if ('unreadable' in task) return 'unreadable';
  if (runningCount(task.state) > 0) return 'running';
  if (isDisabled(task.definition)) return 'disabled';
  if (task.state.pause !== null) return 'paused';
  return isFinished(task) ? 'finished' : 'scheduled';
}

function isFinished({ state }: TaskRecord): boolean {
  return state.exhausted && isIdle(state);
}

/**
 * Which tasks. All given conditions hold together.
 *
 * @publicApi
 */
export interface StoredTaskFilter {
  readonly state?: TaskStateName;
  readonly executor?: string;
  /** The type of the trigger: `cron`, `interval`, … */
  readonly trigger?: string;
  readonly handler?: string;
  readonly tag?: string;
  /** Text to be found, whatever its case, in id, name, handler, trigger type or executor. */
  readonly q?: string;
  /** Only those that come after this id where tasks are sorted by id. */
  readonly after?: string;
}

/**
 * The field that tasks are sorted by. Ties are ordered by id; a missing next run time comes last, or first when descending.
 *
 * @publicApi
 */
export type TaskSortKey = 'id' | 'name' | 'nextRunTime' | 'state' | 'executor' | 'trigger' | 'handler' | 'priority';

/** Every {@link TaskSortKey}, for checking input. */
export const TASK_SORT_KEYS = namesOf<TaskSortKey>({
  id: 0,
  name: 0,
  nextRunTime: 0,
  state: 0,
  executor: 0,
  trigger: 0,
  handler: 0,
  priority: 0,
});

/** The field that tasks are sorted by, and the direction. @publicApi */
export interface TaskSort {
  readonly by: TaskSortKey;
  readonly descending: boolean;
}

/** Which page of a query. @publicApi */
export interface PageRequest {
  /** How many to leave out at the front. */
  readonly offset: number;
  /** How many to return at most. */
  readonly limit: number;
}

/** A page of tasks as the store keeps them. @publicApi */
export interface StoredTaskPage {
  readonly tasks: readonly StoredTask[];
  /** How many match the filter, on all pages. */
  readonly total: number;
}

/**
 * Which ended runs. All given conditions hold together.
 *
 * @publicApi
 */
export interface StoredRunFilter {
  readonly taskId?: string;
  readonly runId?: string;
  readonly status?: RunStatus;
  readonly source?: RunSource;
  /** Whether it is dead: see `RunRecord.dead`. */
  readonly dead?: boolean;
  /** The identity of the scheduler that ran it. */
  readonly owner?: string;
  /** Ended at this time or later, in milliseconds since the epoch. */
  readonly from?: number;
  /** Ended before this time, in milliseconds since the epoch. */
  readonly to?: number;
}

/** Which page of the ended runs. @publicApi */
export interface RunPageRequest {
  readonly limit: number;
  /** The {@link StoredRunPage.next} of the previous page. */
  readonly cursor?: string;
}

/**
 * A page of ended runs, the latest end first.
 *
 * @publicApi
 */
export interface StoredRunPage {
  readonly runs: readonly RunRecord[];
  /** The cursor of the next page; null on the last. */
  readonly next: string | null;
}
