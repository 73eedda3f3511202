import type { Change } from '../../model/change.js';
import { HANDLER_MISSING } from '../../model/task.js';
import type { TaskRecord } from '../../model/task.js';

/** Whether none of the known handlers is the task's, and the task is not marked for that yet. */
export function isOrphan({ definition, state }: TaskRecord, handlers: ReadonlySet<string>): boolean {
  return !handlers.has(definition.handler) && state.problem?.code !== HANDLER_MISSING;
}

/** Marks a task whose handler no scheduler has; it stays due. The value is the name of the handler. */
export function markOrphan(task: TaskRecord, now: number, handlers: ReadonlySet<string>): Change<string> | null {
  if (!isOrphan(task, handlers)) return null;
  const { handler } = task.definition;
  const problem = { code: HANDLER_MISSING, message: `No scheduler has the handler "${handler}".`, at: now, count: 1 };
  return { task: { ...task, state: { ...task.state, updatedAt: now, problem } }, history: [], value: handler };
}
