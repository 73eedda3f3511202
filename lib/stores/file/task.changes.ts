import { TaskConflictError } from '../../errors/task.errors.js';
import { isInternal } from '../../model/definition.js';
import { dueTime, isUnreadable } from '../../model/task.js';
import type { TaskRecord, UnreadableTask } from '../../model/task.js';
import type { RunRow, TaskCodec, TaskRow } from '../../persistence/codec.interface.js';
import { assertReplaceable } from '../assert-replaceable.js';
import { distinctIds } from '../distinct-ids.js';
import type { Committed, Transacted } from '../store.interface.js';
import type { FailedChange, Selection } from '../selection.interface.js';
import type { Apply } from '../../model/change.js';
import { changedTask, throwIfAllFailed } from '../task-change.js';
import { compareByAge, compareByDue, isAskedFor } from '../task-query.js';
import { WriteRequest } from './change.batch.js';
import type { ChangeBatch } from './change.batch.js';
import type { Operation } from './commit.queue.js';
import { eachOf } from './durable.fs.js';
import { encodeFileName } from './file-name.codec.js';
import type { TaskCatalog } from './task.catalog.js';

interface Loaded {
  readonly file: string;
  readonly task: TaskRecord;
  readonly row: TaskRow;
}

/** Adds all tasks whose ids are free, or none when one of them cannot be written. Gives the ids that are not free. */
export function addAll(rows: readonly TaskRow[]): Operation<readonly string[]> {
  return async (batch) => {
    const { distinct, repeated } = distinctIds(rows);
    const stored = new Set<string>();
    await eachOf(distinct, async ({ id }) => {
      if (await batch.read(encodeFileName(id))) stored.add(id);
    });
    const request = new WriteRequest(true);
    for (const row of distinct) if (!stored.has(row.id)) batch.put(request, encodeFileName(row.id), row);
    const taken = distinct.map(({ id }) => id).filter((id) => stored.has(id));
    return () => {
      if (request.error !== null) throw request.error;
      return [...repeated, ...taken];
    };
  };
}

/** Adds a task. */
export function addOne(row: TaskRow): Operation<void> {
  return async (batch) => {
    const result = await addAll([row])(batch);
    return () => {
      if (result().length > 0) throw new TaskConflictError(row.id);
    };
  };
}

/** Replaces a task whose version is the expected one. */
export function replace(row: TaskRow, expectedVersion: number): Operation<void> {
  return async (batch) => {
    const file = encodeFileName(row.id);
    assertReplaceable(row.id, (await batch.read(file))?.task ?? null, expectedVersion);
    batch.put(new WriteRequest(false), file, row);
    return () => throwFailure(batch, file);
  };
}

/** Removes what is under an id, readable or not. */
export function removeOne(id: string, catalog: TaskCatalog): Operation<boolean> {
  return async (batch) => {
    let file: string | undefined = encodeFileName(id);
    if ((await batch.read(file)) === null) file = catalog.index.fileOfUnreadable(id);
    if (file === undefined || (await batch.read(file)) === null) return () => false;
    batch.remove(new WriteRequest(false), file);
    return () => {
      throwFailure(batch, file);
      return true;
    };
  };
}

/** Removes everything but internal records. */
export function removeEvery(catalog: TaskCatalog): Operation<number> {
  return async (batch) => {
    await catalog.scan();
    const files = Array.from(catalog.index.all())
      .filter(({ id }) => !isInternal(id))
      .map(({ file }) => file);
    for (const file of files) batch.remove(new WriteRequest(false), file);
    return () => {
      for (const file of files) throwFailure(batch, file);
      return files.length;
    };
  };
}

/** What {@link change} is made with. */
export interface ChangeTools {
  readonly catalog: TaskCatalog;
  readonly codec: TaskCodec;
  readonly now: () => number;
}

/** Lets `apply` decide about each of the selected tasks. See `Store.transact`. */
export function change<T>(selection: Selection, apply: Apply<T>, tools: ChangeTools): Operation<Transacted<T>> {
  return async (batch) => {
    const storeNow = tools.now();
    const missing: string[] = [];
    const unreadable: UnreadableTask[] = [];
    const selected =
      'due' in selection
        ? await selectDue(batch, tools.catalog, selection.due, storeNow)
        : await selectIds(batch, selection.ids, missing, unreadable);
    const decided: (Committed<T> & { readonly file: string })[] = [];
    const left: TaskRecord[] = [];
    const failed: FailedChange[] = [];
    const values: T[] = [];
    const request = new WriteRequest(false);
    for (const { file, task, row } of selected) {
      try {
        const change = apply(task, storeNow, values);
        if (!change) {
          left.push(task);
          continue;
        }
        const changed = changedTask(task, change);
        const newRow = changed && encodeChange(tools.codec, task, row, changed);
        const history: RunRow[] = (change.history ?? []).map((run) => tools.codec.encodeRun(run));
        if (changed && newRow) batch.put(request, file, newRow, history);
        else batch.remove(request, file, history);
        decided.push({ file, id: task.id, task: changed, value: change.value });
        values.push(change.value);
      } catch (error) {
        failed.push({ id: task.id, error });
      }
    }
    return () => {
      const committed: Committed<T>[] = [];
      for (const { file, ...one } of decided) {
        const error = batch.failureOf(file);
        if (error === null) committed.push(one);
        else failed.push({ id: one.id, error });
      }
      throwIfAllFailed({ committed, failed });
      return { committed, left, missing, unreadable, failed, storeNow };
    };
  };
}

/** What is not changed is neither written again nor encrypted again. */
function encodeChange(codec: TaskCodec, before: TaskRecord, row: TaskRow, changed: TaskRecord): TaskRow {
  return changed.definition === before.definition
    ? { ...row, ...codec.encodeState(changed) }
    : codec.encodeTask(changed);
}

async function selectDue(
  batch: ChangeBatch,
  catalog: TaskCatalog,
  due: Extract<Selection, { due: unknown }>['due'],
  now: number,
): Promise<Loaded[]> {
  const { limit, order } = due;
  const found: Loaded[] = [];
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

async function selectIds(
  batch: ChangeBatch,
  ids: readonly string[],
  missing: string[],
  unreadable: UnreadableTask[],
): Promise<Loaded[]> {
  const unique = [...new Set(ids)];
  const found: Loaded[] = [];
  const loaded = await loadAll(batch, unique.map(encodeFileName));
  for (const [at, one] of loaded.entries()) {
    if (one === null) missing.push(unique[at]!);
    else if (isUnreadable(one.task)) unreadable.push(one.task);
    else if (one.row) found.push({ file: one.file, task: one.task, row: one.row });
  }
  return found;
}

/** Reads files, in the order of their names. */
async function loadAll(batch: ChangeBatch, files: readonly string[]) {
  const loaded = new Map<string, Awaited<ReturnType<ChangeBatch['read']>>>();
  await eachOf(files, async (file) => void loaded.set(file, await batch.read(file)));
  return files.map((file) => {
    const one = loaded.get(file);
    return one ? { file, ...one } : null;
  });
}

function throwFailure(batch: ChangeBatch, file: string): void {
  const error = batch.failureOf(file);
  if (error !== null) throw error;
}
