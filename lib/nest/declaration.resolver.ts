import type { ModuleRef } from '@nestjs/core';
import type { DeclaredTask } from '../scheduler/tasks/declared.tasks.js';
import { HANDLER_OPTIONS } from '../scheduler/loop/handler.registry.js';
import { TASK_OPTIONS } from '../scheduler/tasks/task.options.js';
import type { ScheduledTaskOptions } from './scheduled-task.decorator.js';

/**
 * Turns the flat options of `@ScheduledTask` into a task with a trigger, and calls the functions among them.
 *
 * @param defaultName The handler's name, and the id of a task that is given none.
 * @returns Of one that is disabled nothing but what says which task it is: the other options may be missing, which is often why.
 */
export async function resolveDeclaration(
  options: ScheduledTaskOptions,
  defaultName: string,
  moduleRef: ModuleRef,
): Promise<DeclaredTask> {
  const {
    id = defaultName,
    previousIds,
    scheduler: _scheduler,
    inject = [],
    trigger: type,
    disabled,
    store,
    ...rest
  } = options;
  const injected = inject.map((token) => moduleRef.get<unknown>(token as never, { strict: false }));
  const resolve = async (value: unknown): Promise<unknown> =>
    typeof value === 'function' ? await (value as (...args: unknown[]) => unknown)(...injected) : value;
  const where = {
    ...(store !== undefined && { store: (await resolve(store)) as string }),
    ...(previousIds !== undefined && { previousIds }),
  };
  if (await resolve(disabled)) return { id, ...where, handler: defaultName, disabled: true };
  const task: Record<string, unknown> = {};
  const trigger: Record<string, unknown> = { type };
  for (const [key, value] of Object.entries(rest)) {
    if ((HANDLER_OPTIONS as readonly string[]).includes(key)) continue;
    const resolved = await resolve(value);
    if ((TASK_OPTIONS as readonly string[]).includes(key)) task[key] = resolved;
    else trigger[key] = resolved;
  }
  return { ...task, ...where, id, handler: defaultName, trigger } as DeclaredTask;
}
