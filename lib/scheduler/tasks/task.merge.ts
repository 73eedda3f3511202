import type { TaskSort } from '../../model/query.js';
import type { StoredTask } from '../../model/task.js';
import { taskOrder } from '../../stores/task-query.js';
import type { StoreHandle } from './store.handle.js';

/** Merges the sorted first pages of several stores into one order; each task keeps the store that it is from. */
export function mergePages(
  pages: readonly { readonly handle: StoreHandle; readonly tasks: readonly StoredTask[] }[],
  sort: TaskSort,
): { handle: StoreHandle; task: StoredTask }[] {
  const order = taskOrder(sort);
  return pages
    .flatMap(({ handle, tasks }) => tasks.map((task) => ({ handle, task })))
    .sort((a, b) => order(a.task, b.task));
}
