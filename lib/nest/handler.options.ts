import { DeclarationError } from '../errors/declaration.error.js';
import { HANDLER_OPTIONS } from '../scheduler/loop/handler.registry.js';
import type { HandlerOptions } from '../scheduler/loop/handler.registry.js';
import type { DecoratedMethod } from './method.finder.js';
import { SCHEDULED_TASK } from './scheduled-task.decorator.js';

/**
 * What the decorators of a method say of its handler: that is one, also where several of its tasks share it.
 *
 * @throws DeclarationError When two of them say different things.
 */
export function handlerOptionsOf({
  handler,
  tasks,
  name,
}: Pick<DecoratedMethod, 'handler' | 'tasks' | 'name'>): HandlerOptions {
  const options: Record<string, unknown> = { ...handler?.options };
  for (const task of tasks) {
    for (const option of HANDLER_OPTIONS) {
      const value = task[option];
      if (value === undefined) continue;
      if (options[option] !== undefined && options[option] !== value) {
        const problem = `two decorators give it another "${option}", and it is one handler. Give that once.`;
        throw new DeclarationError(SCHEDULED_TASK, name, problem, task.id ?? null);
      }
      options[option] = value;
    }
  }
  return options;
}
