import type { LiveRun, RunRecord } from '../../model/run.js';
import type { TaskLease, TaskRecord, TaskState } from '../../model/task.js';

/** A plan in the making: what has become of one task so far. It is made anew for each call of a plan. */
export interface Work {
  readonly task: TaskRecord;
  /** The store's clock, in milliseconds since the epoch. */
  readonly now: number;
  state: TaskState;
  /** The lease of the whole task, which had expired. */
  readonly lost: TaskLease | null;
  readonly history: RunRecord[];
  readonly start: LiveRun[];
}

/** The beginning: the task as it is at the store's time, without a lease that has expired. */
export function beginWork(task: TaskRecord, now: number): Work {
  const { lease: lost } = task.state;
  return { task, now, state: { ...task.state, updatedAt: now, lease: null }, lost, history: [], start: [] };
}
