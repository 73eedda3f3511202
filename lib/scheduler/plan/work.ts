import type { LiveRun, RunRecord } from '../../model/run.js';
import type { TaskRecord, TaskState } from '../../model/task.js';

/** A plan in the making. */
export interface Work {
  readonly task: TaskRecord;
  /** The store's clock. */
  readonly now: number;
  state: TaskState;
  readonly history: RunRecord[];
  readonly start: LiveRun[];
}
