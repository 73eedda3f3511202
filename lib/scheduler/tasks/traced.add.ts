import type { TracedAdd } from '../../observe/meter/tracing.js';
import type { AskedTask } from './asked.task.js';

/** What the span of an add tells of it. What is given was not checked yet, and may be anything. */
export function tracedAdd(operation: TracedAdd['operation'], tasks: readonly AskedTask[]): TracedAdd {
  const given: unknown = tasks.length === 1 ? tasks[0] : null;
  const one = (typeof given === 'object' && given !== null ? given : {}) as Readonly<Record<string, unknown>>;
  const text = (value: unknown) => (typeof value === 'string' ? value : null);
  return {
    operation,
    handler: text(one.handler),
    taskId: text(one.id),
    store: text(one.store) ?? (tasks.length === 1 ? 'default' : null),
    count: tasks.length,
  };
}
