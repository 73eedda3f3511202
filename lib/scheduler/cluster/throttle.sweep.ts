import type { EventDispatcher } from '../../events/event.dispatcher.js';
import { isUnreadable } from '../../model/task.js';
import { dropThrottled } from '../plan/dedupe.plan.js';
import type { StoreHandle } from '../tasks/store.handle.js';

/** How many tasks are looked at with one call of the store. */
const PAGE = 500;

/**
 * Removes tasks that have run and were only there for their key to be throttled: see `dedupe` of `addTask`. Nobody asks for most
 * keys again, so nothing else would remove them.
 */
export async function removeThrottled(handle: StoreHandle, events: EventDispatcher): Promise<void> {
  const { store, alias } = handle;
  const sort = { by: 'id', descending: false } as const;
  for (let offset = 0; handle.opened;) {
    const { tasks } = await store.query({ state: 'finished', trigger: 'date' }, sort, { offset, limit: PAGE });
    const now = handle.clock.now();
    const ids = tasks.flatMap((task) => (!isUnreadable(task) && dropThrottled(task, now) ? [task.id] : []));
    const { committed } = ids.length > 0 ? await store.transact({ ids }, dropThrottled) : { committed: [] };
    for (const { id } of committed) events.emit('task.removed', { taskId: id, store: alias, reason: 'finished' });
    if (tasks.length < PAGE) return;
    offset += tasks.length - committed.length;
  }
}
