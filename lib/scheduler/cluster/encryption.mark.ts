import { ENCRYPTION_MARK } from '../../model/definition.js';
import { isUnreadable } from '../../model/task.js';
import { internalRecord } from '../../stores/internal.record.js';
import type { Store } from '../../stores/store.interface.js';

/**
 * Leaves word in a store that whoever uses it has keys. Every scheduler without one asks for it at its start, where it would
 * otherwise have to look at all records.
 *
 * @param now The store's clock, in milliseconds since the epoch.
 */
export async function markEncrypted(store: Pick<Store, 'addTasks'>, now: number): Promise<void> {
  await store.addTasks([internalRecord(ENCRYPTION_MARK, 'says that records here may be encrypted', [], now)]);
}

/** Whether there are records that were encrypted with a key that this process does not have. */
export async function holdsEncrypted(store: Pick<Store, 'lookupTask' | 'query'>): Promise<boolean> {
  if ((await store.lookupTask(ENCRYPTION_MARK)) === null) return false;
  // They may all have been removed since.
  const page = { offset: 0, limit: 100 };
  const { tasks } = await store.query({ state: 'unreadable' }, { by: 'id', descending: false }, page);
  return tasks.some((task) => isUnreadable(task) && task.unreadable === 'wrong-key');
}
