import type { EventDispatcher } from '../../events/event.dispatcher.js';
import { isUnreadable } from '../../model/task.js';
import { dropThrottled } from '../plan/dedupe.plan.js';
import type { StoreHandle } from '../tasks/store.handle.js';
import { taskPages } from '../tasks/task.pages.js';

/** How many tasks are looked at with one call of the store. */
const PAGE = 500;

/**
 * Removes tasks that have run and were only there for their key to be throttled: see `dedupe` of `addTask`. Nobody asks for most
 * keys again, so nothing else would remove them.
 */
export async function removeThrottled(handle: StoreHandle, events: EventDispatcher): Promise<void> {
  const { store, alias } = handle;
  for await (const tasks of taskPages(handle, { state: 'finished', trigger: 'date' }, PAGE)) {
    if (!handle.opened) return;
    const now = handle.clock.now();
    const ids = tasks.flatMap((task) => (!isUnreadable(task) && dropThrottled(task, now) ? [task.id] : []));
    const { committed } = ids.length > 0 ? await store.transact({ ids }, dropThrottled) : { committed: [] };
    for (const { id } of committed) events.emit('task.removed', { taskId: id, store: alias, reason: 'finished' });
  }
}
