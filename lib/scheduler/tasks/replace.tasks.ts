import { TaskConflictError, TaskUnreadableError } from '../../errors/task.errors.js';
import type { TaskRecord } from '../../model/task.js';
import { replaceTask } from '../plan/replace.plan.js';
import type { StoreHandle } from './store.handle.js';

const NONE: ReadonlySet<string> = new Set();

/**
 * Puts tasks in the place of what is there under their ids; what is gone by now is added.
 *
 * @param transaction The caller's own, or undefined.
 * @returns The ids of those that were there.
 * @throws TaskConflictError When somebody else is faster with an id that was gone.
 * @throws TaskUnreadableError In a transaction of the caller, for a record that cannot be read.
 */
export async function replaceTasks(
  handle: StoreHandle,
  tasks: readonly TaskRecord[],
  transaction?: unknown,
): Promise<ReadonlySet<string>> {
  if (tasks.length === 0) return NONE;
  const { activeStore } = handle;
  const byId = new Map(tasks.map((task) => [task.id, task]));
  const { committed, missing, unreadable, failed } = await activeStore.transact(
    { ids: [...byId.keys()] },
    (old) => replaceTask(old, byId.get(old.id)!),
    { transaction },
  );
  if (failed[0]) throw failed[0].error;
  // What is not committed yet is due for nobody; the store tells when it is.
  if (transaction === undefined) handle.wakeFor(...committed.flatMap(({ task }) => task ?? []));
  for (const { id, unreadable: reason, message } of unreadable) {
    // A removal is a step of its own.
    if (transaction !== undefined) throw new TaskUnreadableError(id, reason, message);
    await activeStore.deleteTask(id);
  }
  const gone = [...missing, ...unreadable.map(({ id }) => id)].map((id) => byId.get(id)!);
  const [taken] = gone.length > 0 ? await activeStore.addTasks(gone, { transaction }) : [];
  if (taken !== undefined) throw new TaskConflictError(taken);
  return new Set([...committed, ...unreadable].map(({ id }) => id));
}
