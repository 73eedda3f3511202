import { TaskConflictError } from '../../errors/task.errors.js';
import { isInternal } from '../../model/definition.js';
import type { TaskRecord } from '../../model/task.js';
import type { JournalRow, TaskCodec, TaskRow } from '../../persistence/codec.interface.js';
import { assertReplaceable } from '../assert-replaceable.js';
import { distinctIds } from '../distinct-ids.js';
import { ofAdded } from '../journaled.js';
import type { Committed, Transacted } from '../store.interface.js';
import type { FailedChange, Selection } from '../selection.interface.js';
import type { Apply } from '../../model/change.js';
import { changedTask, throwIfAllFailed } from '../task-change.js';
import { Breather } from './breather.js';
import type { Operation } from './commit.queue.js';
import { encodeFileName } from './file-name.codec.js';
import type { TaskCatalog } from './task.catalog.js';
import { selectDue, selectIds } from './task.selection.js';

/** Tasks as they are written. The process gets to its other work meanwhile. */
export async function encodeEach(tasks: readonly TaskRecord[], codec: TaskCodec): Promise<readonly TaskRow[]> {
  const rows: TaskRow[] = [];
  const breather = new Breather();
  for (const task of tasks) {
    await breather.breathe();
    rows.push(codec.encodeTask(task));
  }
  return rows;
}

/** Adds all tasks whose ids are free, or none when they cannot be written. Gives the ids that are not free. */
export function addAll(rows: readonly TaskRow[], journal: readonly JournalRow[] = []): Operation<readonly string[]> {
  return async (batch) => {
    const { distinct, repeated } = distinctIds(rows);
    const stored = new Set<string>();
    const breather = new Breather();
    for (const { id } of distinct) {
      await breather.breathe();
      if (await batch.isThere(encodeFileName(id))) stored.add(id);
    }
    for (const row of distinct) {
      await breather.breathe();
      if (!stored.has(row.id)) batch.put(encodeFileName(row.id), row);
    }
    if (journal.length > 0)
      batch.note(
        ofAdded(
          journal,
          distinct.filter(({ id }) => !stored.has(id)),
        ),
      );
    return [...repeated, ...distinct.map(({ id }) => id).filter((id) => stored.has(id))];
  };
}

/** Adds a task. */
export function addOne(row: TaskRow, journal?: readonly JournalRow[]): Operation<void> {
  return async (batch) => {
    if ((await addAll([row], journal)(batch)).length > 0) throw new TaskConflictError(row.id);
  };
}

/** Replaces a task whose version is the expected one. */
export function replace(row: TaskRow, expectedVersion: number): Operation<void> {
  return async (batch) => {
    const file = encodeFileName(row.id);
    assertReplaceable(row.id, (await batch.read(file))?.task ?? null, expectedVersion);
    batch.put(file, row);
  };
}

/** Removes what is under an id, readable or not. */
export function removeOne(id: string, catalog: TaskCatalog, journal: readonly JournalRow[]): Operation<boolean> {
  return async (batch) => {
    let file: string | undefined = encodeFileName(id);
    if ((await batch.read(file)) === null) file = catalog.index.fileOfUnreadable(id);
    if (file === undefined || (await batch.read(file)) === null) return false;
    batch.remove(file);
    batch.note(journal);
    return true;
  };
}

/** Removes everything but internal records. */
export function removeEvery(catalog: TaskCatalog, journal: readonly JournalRow[]): Operation<number> {
  return async (batch) => {
    await catalog.scan();
    const files = Array.from(catalog.index.all())
      .filter(({ id }) => !isInternal(id))
      .map(({ file }) => file);
    for (const file of files) batch.remove(file);
    batch.note(journal);
    return files.length;
  };
}

/** What {@link change} is made with. */
export interface ChangeTools {
  readonly catalog: TaskCatalog;
  readonly codec: TaskCodec;
  readonly now: () => number;
}

/** Lets `apply` decide about each of the selected tasks. See `Store.transact`. */
export function change<T>(
  selection: Selection,
  apply: Apply<T>,
  { catalog, codec, now }: ChangeTools,
): Operation<Transacted<T>> {
  return async (batch) => {
    const storeNow = now();
    const selected =
      'due' in selection
        ? { tasks: await selectDue(batch, catalog, selection.due, storeNow), missing: [], unreadable: [] }
        : await selectIds(batch, selection.ids);
    const committed: Committed<T>[] = [];
    const left: TaskRecord[] = [];
    const failed: FailedChange[] = [];
    const values: T[] = [];
    for (const { file, task, row } of selected.tasks) {
      try {
        const change = apply(task, storeNow, values);
        if (!change) {
          left.push(task);
          continue;
        }
        const changed = changedTask(task, change);
        const history = (change.history ?? []).map((run) => codec.encodeRun(run));
        const journal = (change.journal ?? []).map((entry) => codec.encodeEntry(entry));
        // What is not changed is neither written again nor encrypted again.
        if (!changed) batch.remove(file);
        else if (changed.definition === task.definition) batch.putState(file, row, codec.encodeState(changed));
        else batch.put(file, codec.encodeTask(changed));
        batch.end(history);
        batch.note(journal);
        committed.push({ id: task.id, task: changed, value: change.value });
        values.push(change.value);
      } catch (error) {
        failed.push({ id: task.id, error });
      }
    }
    throwIfAllFailed({ committed, failed });
    return { committed, left, missing: selected.missing, unreadable: selected.unreadable, failed, storeNow };
  };
}
