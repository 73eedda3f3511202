import { TaskConflictError, TaskUnreadableError } from '../../errors/task.errors.js';
import type { Apply } from '../../model/change.js';
import type { JournalEntry } from '../../model/journal.js';
import type { TaskRecord } from '../../model/task.js';
import { addAllJournaled, transactJournaled } from '../../stores/journaled.js';
import { attributionOf } from '../plan/journal.notes.js';
import type { JournalNotes } from '../plan/journal.notes.js';
import { replaceTask } from '../plan/replace.plan.js';
import type { StoreHandle } from './store.handle.js';

const NONE: ReadonlySet<string> = new Set();

/**
 * Puts tasks in the place of what is there under their ids; what is gone by now is added.
 *
 * @param transaction The caller's own, or undefined.
 * @param journal The entries of those that are added: those that replace another one have one of their change.
 * @returns The ids of those that were there.
 * @throws TaskConflictError When somebody else is faster with an id that was gone.
 * @throws TaskUnreadableError In a transaction of the caller, for a record that cannot be read.
 */
export async function replaceTasks(
  handle: StoreHandle,
  tasks: readonly TaskRecord[],
  transaction: unknown,
  notes: JournalNotes,
  journal: readonly JournalEntry[],
): Promise<ReadonlySet<string>> {
  if (tasks.length === 0) return NONE;
  const { activeStore } = handle;
  const byId = new Map(tasks.map((task) => [task.id, task]));
  const requests = new Map(journal.map((entry) => [entry.taskId, entry]));
  const replacing: Apply<null> = (old) => replaceTask(old, byId.get(old.id)!);
  const { committed, missing, unreadable, failed } = await transactJournaled(
    activeStore,
    { ids: [...byId.keys()] },
    (old, now) => {
      const request = requests.get(old.id);
      const plan = request ? notes.noted('task.updated', attributionOf(request), replacing) : replacing;
      return plan(old, now, []);
    },
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
  const [taken] = gone.length > 0 ? await addAllJournaled(activeStore, gone, { transaction, journal }) : [];
  if (taken !== undefined) throw new TaskConflictError(taken);
  return new Set([...committed, ...unreadable].map(({ id }) => id));
}
