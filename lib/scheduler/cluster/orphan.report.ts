import type { EventDispatcher } from '../../events/event.dispatcher.js';
import type { Logger } from '../../model/logger.js';
import type { SchedulerInstance } from '../../model/scheduler-instance.js';
import { isOrphan, markOrphan } from '../plan/orphan.plan.js';
import type { StoreHandle } from '../tasks/store.handle.js';

/** How many tasks are marked at a time at the most. */
const LIMIT = 500;

/**
 * Finds tasks that have been due for long because no live scheduler has their handler. Each is marked once, where every
 * node sees it, logged and emitted. It stays due, so a scheduler that brings the handler runs it at once; that claim removes
 * the mark.
 */
export async function reportOrphans(
  handle: StoreHandle,
  alive: readonly SchedulerInstance[],
  orphanAfterMs: number,
  events: EventDispatcher,
  logger: Logger,
): Promise<void> {
  const known = new Set(alive.flatMap(({ handlers }) => handlers));
  const overdue = await handle.store.getDueTasks(handle.clock.now() - orphanAfterMs);
  const orphans = overdue.filter((task) => isOrphan(task, known)).slice(0, LIMIT);
  if (orphans.length === 0) return;
  const { committed } = await handle.store.transact({ ids: orphans.map(({ id }) => id) }, (task, now) =>
    markOrphan(task, now, known),
  );
  for (const { id, value } of committed) {
    logger.warn(`The task "${id}" in store "${handle.alias}" waits: no scheduler has its handler "${value}"`);
    events.emit('task.orphaned', { taskId: id, store: handle.alias, handler: value });
  }
}
