import type { Change } from '../../model/change.js';
import { dueTime, HANDLER_MISSING } from '../../model/task.js';
import type { TaskRecord } from '../../model/task.js';

/**
 * Marks a task whose handler no scheduler has, and that has been due for long; it stays due. The value is the name of the handler.
 *
 * @param orphanAfterMs For how long it has been due, in milliseconds.
 */
export function markOrphan(task: TaskRecord, now: number, orphanAfterMs: number): Change<string> | null {
  const { definition, state } = task;
  const due = dueTime(definition, state);
  if (due === null || due > now - orphanAfterMs || state.problem?.code === HANDLER_MISSING) return null;
  const { handler } = definition;
  const problem = { code: HANDLER_MISSING, message: `No scheduler has the handler "${handler}".`, at: now, count: 1 };
  return { task: { ...task, state: { ...state, updatedAt: now, problem } }, value: handler };
}
