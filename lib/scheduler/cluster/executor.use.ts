import type { ExecutorUse } from '../../model/scheduler-instance.js';
import type { ExecutorRegistry } from '../loop/executor.registry.js';
import type { StoreRegistry } from '../tasks/store.registry.js';

/** How much of each executor is in use, by alias. */
export function executorsInUse(executors: ExecutorRegistry, stores: StoreRegistry): readonly ExecutorUse[] {
  const running = new Map<string, number>();
  for (const { loop } of stores.all()) {
    for (const { task } of loop?.execution.active() ?? []) {
      running.set(task.executor, (running.get(task.executor) ?? 0) + 1);
    }
  }
  const rooms = executors.rooms();
  return executors.aliases().map((alias) => {
    const room = rooms.get(alias)!;
    return { alias, running: running.get(alias) ?? 0, room: Number.isFinite(room) ? room : null };
  });
}
