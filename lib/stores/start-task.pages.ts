import type { StartTaskKind } from '../model/start-tasks.js';
import type { TaskRecord } from '../model/task.js';
import type { Store } from './store.interface.js';

/**
 * All tasks of a kind, page by page: see `Store.startTasks`.
 *
 * @param limit How many a page holds at the most.
 */
export async function* startTaskPages(
  store: Pick<Store, 'startTasks'>,
  kind: StartTaskKind,
  limit: number,
): AsyncGenerator<readonly TaskRecord[]> {
  for (let cursor: string | null | undefined; cursor !== null;) {
    const { tasks, next } = await store.startTasks(kind, { limit, ...(cursor !== undefined && { cursor }) });
    yield tasks;
    cursor = next;
  }
}
