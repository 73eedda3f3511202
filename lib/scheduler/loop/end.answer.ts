import type { TaskRecord } from '../../model/task.js';
import type { EndOutcome, RunEnd } from '../plan/end.plan.js';

/** What became of an end. */
export interface EndAnswer {
  /**
   * `paused` where the failure paused the task, too; `refused` where the lease was lost; `kept` where the task is gone, and only
   * the history has the run.
   */
  readonly outcome: EndOutcome | 'kept';
  /** The task as it now is; null when it is gone, or where the end was refused. */
  readonly task: TaskRecord | null;
}

/** An end of a run that the store has taken in a transaction of the handler, before that was over. */
export interface SettledEnd {
  readonly end: RunEnd;
  readonly answer: EndAnswer;
}
