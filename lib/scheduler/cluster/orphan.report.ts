import type { EventDispatcher } from '../../events/event.dispatcher.js';
import type { Logger } from '../../model/logger.js';
import type { SchedulerInstance } from '../../model/scheduler-instance.js';
import { markOrphan } from '../plan/orphan.plan.js';
import type { StoreHandle } from '../tasks/store.handle.js';

/** How many tasks are looked at in one step of the store, and how many steps are taken at the most. */
const LIMIT = 500;
const MAX_STEPS = 20;

/**
 * Finds tasks that have been due for long because no live scheduler has their handler. Each is marked once, where every
 * node sees it, logged and emitted. It stays due, so a scheduler that brings the handler runs it at once; that claim removes
 * the mark.
 *
 * The store looks for them, those first that have been due the longest, so a backlog of tasks that can run costs nothing here. Marked
 * ones stay in front: of one handler the first {@link LIMIT} are marked, and a step looks past the handlers of those before it.
 */
export async function reportOrphans(
  handle: StoreHandle,
  alive: readonly SchedulerInstance[],
  orphanAfterMs: number,
  events: EventDispatcher,
  logger: Logger,
): Promise<void> {
  const others = new Set(alive.flatMap(({ handlers }) => handlers));
  for (let step = 0; step < MAX_STEPS; step += 1) {
    const { committed, left } = await handle.store.transact(
      { due: { limit: LIMIT, handlers: null, notHandlers: [...others], order: 'age' } },
      (task, now) => markOrphan(task, now, orphanAfterMs),
    );
    for (const { id, value } of committed) {
      logger.warn(`The task "${id}" in store "${handle.alias}" waits: no scheduler has its handler "${value}"`);
      events.emit('task.orphaned', { taskId: id, store: handle.alias, handler: value });
    }
    if (committed.length + left.length < LIMIT) return;
    for (const { value } of committed) others.add(value);
    for (const { definition } of left) others.add(definition.handler);
  }
}
