import { dueTime, isUnreadable } from '../../model/task.js';
import type { TaskRecord, UnreadableTask } from '../../model/task.js';
import type { TaskRow } from '../../persistence/codec.interface.js';
import type { Selection } from '../selection.interface.js';
import { compareByAge, compareByDue, isAskedFor } from '../task-query.js';
import type { ChangeBatch } from './change.batch.js';
import { eachOf } from './durable.fs.js';
import { encodeFileName } from './file-name.codec.js';
import type { TaskCatalog } from './task.catalog.js';
import type { LoadedFile } from './task.files.js';

/** A task that was selected, and what is stored of it. */
export interface SelectedTask {
  readonly file: string;
  readonly task: TaskRecord;
  readonly row: TaskRow;
}

/** The tasks of a selection, in the order in which they are to be decided about. */
export interface SelectedTasks {
  readonly tasks: readonly SelectedTask[];
  readonly missing: readonly string[];
  readonly unreadable: readonly UnreadableTask[];
}

export type DueSelection = Extract<Selection, { due: unknown }>['due'];

/** The first due tasks that are asked for. */
export async function selectDue(
  batch: ChangeBatch,
  catalog: TaskCatalog,
  due: DueSelection,
  now: number,
): Promise<readonly SelectedTask[]> {
  const { limit, order } = due;
  await catalog.knowsUntil(now);
  const found: SelectedTask[] = [];
  const seen = new Set<string>();
  // What turns out to be unreadable, or changed by hand, makes room for the next one.
  while (found.length < limit) {
    const entries = catalog.index.due(now, limit + seen.size - found.length, due, order);
    const unseen = entries.map(({ file }) => file).filter((file) => !seen.has(file));
    const fresh = unseen.slice(0, limit - found.length);
    if (fresh.length === 0) break;
    for (const file of fresh) seen.add(file);
    for (const one of await loadAll(batch, fresh)) {
      if (!one?.row || isUnreadable(one.task)) continue;
      const { task, row, file } = one;
      const at = dueTime(task.definition, task.state);
      if (isAskedFor(task, due) && at !== null && at <= now) found.push({ file, task, row });
    }
  }
  const compare = order === 'age' ? compareByAge : compareByDue;
  return found.sort((a, b) => compare(a.task, b.task));
}

/** The tasks with these ids. */
export async function selectIds(batch: ChangeBatch, ids: readonly string[]): Promise<SelectedTasks> {
  const unique = [...new Set(ids)];
  const tasks: SelectedTask[] = [];
  const missing: string[] = [];
  const unreadable: UnreadableTask[] = [];
  const loaded = await loadAll(batch, unique.map(encodeFileName));
  for (const [at, one] of loaded.entries()) {
    if (one === null) missing.push(unique[at]!);
    else if (isUnreadable(one.task)) unreadable.push(one.task);
    else if (one.row) tasks.push({ file: one.file, task: one.task, row: one.row });
  }
  return { tasks, missing, unreadable };
}

/** What is under the names of files, in their order. */
async function loadAll(batch: ChangeBatch, files: readonly string[]): Promise<readonly (LoadedFile | null)[]> {
  const loaded = new Map<string, LoadedFile | null>();
  await eachOf(files, async (file) => void loaded.set(file, await batch.read(file)));
  return files.map((file) => loaded.get(file) ?? null);
}
