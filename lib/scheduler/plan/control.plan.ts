import type { RunRequest } from '../../model/run.js';
import type { TaskControl, TaskState } from '../../model/task.js';

/** The state of a task with who did something to it. */
export function controlled(
  state: TaskState,
  action: TaskControl['action'],
  at: number,
  { actor, reason }: RunRequest,
): TaskState {
  return { ...state, updatedAt: at, control: { action, at, actor, reason } };
}
