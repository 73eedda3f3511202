import { isUnreadable } from '../model/task.js';
import type { TaskRecord, UnreadableTask } from '../model/task.js';
import type { Selected, Store } from './store.interface.js';

/** Reads tasks by id, one after another, each once. */
export async function readEach(store: Pick<Store, 'lookupTask'>, ids: readonly string[]): Promise<Selected> {
  const tasks: TaskRecord[] = [];
  const missing: string[] = [];
  const unreadable: UnreadableTask[] = [];
  for (const id of new Set(ids)) {
    const task = await store.lookupTask(id);
    if (task === null) missing.push(id);
    else if (isUnreadable(task)) unreadable.push(task);
    else tasks.push(task);
  }
  return { tasks, missing, unreadable };
}
