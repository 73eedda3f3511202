import type { LiveRun, RunRecord } from '../../model/run.js';
import type { TaskLease, TaskRecord, TaskStateDraft } from '../../model/task.js';

/** A plan in the making: what has become of one task so far. It is made anew for each call of a plan. */
export interface Work {
  readonly task: TaskRecord;
  /** The store's clock, in milliseconds since the epoch. */
  readonly now: number;
  /** A copy that is this plan's own until it is handed over. */
  state: TaskStateDraft;
  /** The lease of the whole task, which had expired. */
  readonly lost: TaskLease | null;
  readonly history: RunRecord[];
  readonly start: LiveRun[];
  /** Whether its pause has ended by itself. */
  isResumed: boolean;
}

/** The beginning: the task as it is at the store's time, without a lease that has expired. */
export function beginWork(task: TaskRecord, now: number): Work {
  const { lease: lost } = task.state;
  const state: TaskStateDraft = { ...task.state };
  state.updatedAt = now;
  state.lease = null;
  return { task, now, state, lost, history: [], start: [], isResumed: false };
}
