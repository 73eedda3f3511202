import type { ModuleRef } from '@nestjs/core';
import type { DeclaredTask } from '../scheduler/tasks/task.reconciler.js';
import { TASK_OPTIONS } from '../scheduler/tasks/task.options.js';
import type { ScheduledTaskOptions } from './scheduled-task.decorator.js';

/**
 * Turns the flat options of `@ScheduledTask` into a task with a trigger, and calls the functions among them.
 *
 * @param defaultName The handler's name, and the id of a task that is given none.
 * @returns null when the declaration is disabled.
 */
export async function resolveDeclaration(
  options: ScheduledTaskOptions,
  defaultName: string,
  moduleRef: ModuleRef,
): Promise<DeclaredTask | null> {
  const { id = defaultName, scheduler: _scheduler, inject = [], trigger: type, ...rest } = options;
  const injected = inject.map((token) => moduleRef.get<unknown>(token as never, { strict: false }));
  const task: Record<string, unknown> = {};
  const trigger: Record<string, unknown> = { type };
  for (const [key, value] of Object.entries(rest)) {
    const resolved: unknown =
      typeof value === 'function' ? await (value as (...args: unknown[]) => unknown)(...injected) : value;
    if (key === 'disabled') {
      if (resolved) return null;
    } else if ((TASK_OPTIONS as readonly string[]).includes(key)) task[key] = resolved;
    else trigger[key] = resolved;
  }
  return { ...task, id, handler: defaultName, trigger } as DeclaredTask;
}
