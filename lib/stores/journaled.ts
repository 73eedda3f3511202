import type { JournalEntry } from '../model/journal.js';
import type { Apply } from '../model/change.js';
import type { TaskRecord } from '../model/task.js';
import type { Selection } from './selection.interface.js';
import type { AddOptions, JournalOptions, Store, Transacted, TransactOptions } from './store.interface.js';

/** The entries of the tasks that were added. */
export function ofAdded<T extends Pick<JournalEntry, 'taskId'>>(
  journal: readonly T[],
  added: Iterable<Pick<TaskRecord, 'id'>>,
): readonly T[] {
  const ids = new Set<string | null>();
  for (const { id } of added) ids.add(id);
  return journal.filter(({ taskId }) => ids.has(taskId));
}

/** Whether the store writes entries of the journal itself, with what they are about. */
function isAtomic({ capabilities }: Pick<Store, 'capabilities'>): boolean {
  return capabilities.journal === 'atomic';
}

/** `Store.transact` with its entries of the journal, whichever store it is. */
export async function transactJournaled<T>(
  store: Pick<Store, 'capabilities' | 'transact' | 'appendJournal'>,
  selection: Selection,
  apply: Apply<T>,
  options?: TransactOptions,
): Promise<Transacted<T>> {
  if (isAtomic(store)) return store.transact(selection, apply, options);
  // Of a task that is decided about more than once, the last decision is the one that stands.
  const journals = new Map<string, readonly JournalEntry[]>();
  const noting: Apply<T> = (task, now, decided) => {
    const change = apply(task, now, decided);
    journals.set(task.id, change?.journal ?? []);
    return change;
  };
  const done = await store.transact(selection, noting, options);
  await appendAll(
    store,
    done.committed.flatMap(({ id }) => journals.get(id) ?? []),
  );
  return done;
}

async function appendAll(
  store: Pick<Store, 'appendJournal'>,
  entries: readonly JournalEntry[] | undefined,
): Promise<void> {
  if (entries?.length) await store.appendJournal(entries);
}

/** `Store.addTask` with its entries of the journal, whichever store it is. @throws TaskConflictError */
export async function addJournaled(store: Store, task: TaskRecord, options: AddOptions): Promise<void> {
  await store.addTask(task, options);
  if (!isAtomic(store)) await appendAll(store, options.journal);
}

/** `Store.addTasks` with its entries of the journal, whichever store it is. */
export async function addAllJournaled(
  store: Store,
  tasks: readonly TaskRecord[],
  options: AddOptions,
): Promise<readonly string[]> {
  const taken = await store.addTasks(tasks, options);
  if (!options.journal?.length || isAtomic(store)) return taken;
  const conflicts = new Set(taken);
  const entries = ofAdded(
    options.journal,
    tasks.filter(({ id }) => !conflicts.has(id)),
  );
  await appendAll(store, entries);
  return taken;
}

/** `Store.deleteTask` with its entries of the journal, whichever store it is. */
export async function deleteJournaled(store: Store, id: string, options: JournalOptions): Promise<boolean> {
  const isDeleted = await store.deleteTask(id, options);
  if (isDeleted && !isAtomic(store)) await appendAll(store, options.journal);
  return isDeleted;
}

/** `Store.removeAllTasks` with its entries of the journal, whichever store it is. */
export async function removeAllJournaled(store: Store, options: JournalOptions): Promise<number> {
  const count = await store.removeAllTasks(options);
  if (!isAtomic(store)) await appendAll(store, options.journal);
  return count;
}
