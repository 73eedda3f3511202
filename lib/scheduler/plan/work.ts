import type { LiveRun, RunRecord } from '../../model/run.js';
import type { TaskRecord, TaskState } from '../../model/task.js';

/** A plan in the making: what has become of one task so far. It is made anew for each call of a plan. */
export interface Work {
  readonly task: TaskRecord;
  /** The store's clock, in milliseconds since the epoch. */
  readonly now: number;
  state: TaskState;
  readonly history: RunRecord[];
  readonly start: LiveRun[];
}

/** The beginning: the task as it is, at the store's time. */
export function beginWork(task: TaskRecord, now: number): Work {
  return { task, now, state: { ...task.state, updatedAt: now }, history: [], start: [] };
}
