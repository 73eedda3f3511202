import type { Change } from '../../model/change.js';
import type { TaskDefinition } from '../../model/definition.js';
import type { TaskRecord, TaskState } from '../../model/task.js';
import { changeTo } from './change.js';

/** What an update makes of a task, checked. */
export interface TaskUpdate {
  readonly definition: TaskDefinition;
  /** Whether it has another trigger, whose scheduled times are counted from the beginning. */
  readonly isNewTrigger: boolean;
  /** When it fires next; null to leave that as it is. */
  readonly times: Pick<TaskState, 'nextScheduledTime' | 'nextRunTime' | 'exhausted'> | null;
}

/** Changes a task; its pause and its runs under way stay, its problem is forgotten. */
export function updateTask(
  task: TaskRecord,
  now: number,
  { definition, isNewTrigger, times }: TaskUpdate,
): Change<true> {
  const state: TaskState = {
    ...task.state,
    updatedAt: now,
    problem: null,
    ...(isNewTrigger && { scheduledCount: 0, lastScheduledTime: null }),
    ...times,
  };
  return changeTo({ ...task, definition, state }, true);
}
