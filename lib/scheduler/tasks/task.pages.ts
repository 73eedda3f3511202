import type { StoredTaskFilter, TaskSort } from '../../model/query.js';
import type { StoredTask } from '../../model/task.js';
import type { StoreHandle } from './store.handle.js';

const BY_ID: TaskSort = { by: 'id', descending: false };

/**
 * The tasks that meet a filter, page by page by their ids: each that meets it from the beginning to the end comes once, whatever is
 * added, changed and removed meanwhile. Others have their turn in between.
 *
 * @param limit How many a page holds at the most.
 */
export async function* taskPages(
  handle: StoreHandle,
  filter: StoredTaskFilter,
  limit: number,
): AsyncGenerator<readonly StoredTask[]> {
  let after: string | undefined;
  for (;;) {
    const asked = after === undefined ? filter : { ...filter, after };
    const { tasks, total } = await handle.activeStore.query(asked, BY_ID, { offset: 0, limit });
    if (tasks.length > 0) yield tasks;
    if (tasks.length === 0 || tasks.length >= total) return;
    after = tasks.at(-1)!.id;
    await new Promise(setImmediate);
  }
}
