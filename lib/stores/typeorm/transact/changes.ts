import type { JournalRow, RunRow, TaskRow, TaskStateRow } from '../../../persistence/codec.interface.js';
import type { TaskCodec } from '../../../persistence/codec.interface.js';
import type { TaskRecord } from '../../../model/task.js';
import { changedTask } from '../../task-change.js';
import { historyKey } from '../../run-history.js';
import type { Committed, Selected } from '../../store.interface.js';
import type { DueFilter, DueOrder, Selection } from '../../selection.interface.js';
import type { Apply, Change } from '../../../model/change.js';
import type { Dialect } from '../dialects/dialect.js';
import { isStorable } from '../sql/columns.js';
import { encodeEntries } from '../sql/journal.sql.js';
import type { Rows, Script } from '../sql/sql.js';
import { rowCount, toNumber } from '../sql/sql.js';
import type { TaskReader } from '../task.reader.js';

/** What a transaction works with. */
export interface TransactionContext {
  readonly dialect: Dialect;
  readonly reader: TaskReader;
  readonly codec: TaskCodec;
  /** The process's clock, in whole milliseconds since the epoch. */
  readonly clock: () => number;
}

/** The selected tasks, and the time at which they were selected. */
export interface SelectedNow extends Selected {
  readonly storeNow: number;
}

/** A task and what is to become of it. */
export interface Decided<T> {
  readonly task: TaskRecord;
  readonly change: Change<T>;
}

/** How many ids one statement asks for. */
const IDS = 1_000;

/** How often a selection is repeated because damaged records turned up in it. */
const MAX_ROUNDS = 20;

/** Reads the tasks of a selection, locked where the dialect locks. */
export function select(context: TransactionContext, selection: Selection): Script<SelectedNow> {
  return 'due' in selection ? selectDue(context, selection.due) : selectByIds(context, selection.ids);
}

function* selectDue(
  { dialect, reader, clock }: TransactionContext,
  { limit, order = 'priority', ...filter }: DueFilter & { limit: number; order?: DueOrder },
): Script<SelectedNow> {
  if (limit <= 0 || filter.handlers?.length === 0) {
    return { storeNow: yield* dialect.readNow(clock), tasks: [], missing: [], unreadable: [] };
  }
  for (let round = 1; ; round += 1) {
    const { storeNow, records } = yield* dialect.selectDue(reader.dueQuery(filter), order, rowCount(limit), clock);
    const { tasks, unreadable } = reader.readAll(records);
    // What was damaged is left out from now on, and what stood behind it comes into reach.
    if (unreadable.length > 0 && round < MAX_ROUNDS) continue;
    return { storeNow, tasks, missing: [], unreadable: [] };
  }
}

function* selectByIds({ dialect, reader, clock }: TransactionContext, ids: readonly string[]): Script<SelectedNow> {
  const records: Rows['records'][number][] = [];
  const missing = new Set(ids);
  // In one order, so that two that ask for the same tasks wait for each other and not both.
  const wanted = [...missing].filter(isStorable).sort();
  for (let at = 0; at < wanted.length; at += IDS) {
    const found = yield dialect.selectByIds(wanted.slice(at, at + IDS));
    records.push(...found.records);
  }
  for (const { id } of records) missing.delete(String(id));
  const told = records.at(-1)?.store_now;
  const storeNow = told === undefined ? yield* dialect.readNow(clock) : toNumber(told);
  return { storeNow, ...reader.readAll(records), missing: [...missing] };
}

/** What is to become of the selected tasks. */
export interface Decisions<T> {
  readonly decided: readonly Decided<T>[];
  readonly left: readonly TaskRecord[];
}

/**
 * Asks what is to become of each task.
 *
 * @param done What this transaction has committed already.
 */
export function decide<T>(
  tasks: readonly TaskRecord[],
  storeNow: number,
  apply: Apply<T>,
  done: readonly Committed<T>[] = [],
): Decisions<T> {
  const decided: Decided<T>[] = [];
  const left: TaskRecord[] = [];
  const values = done.map(({ value }) => value);
  for (const task of tasks) {
    const change = apply(task, storeNow, values);
    if (change) {
      decided.push({ task, change });
      values.push(change.value);
    } else left.push(task);
  }
  return { decided, left };
}

/** The rows that changes of tasks come to. */
export interface ChangedRows {
  readonly states: readonly TaskStateRow[];
  readonly tasks: readonly TaskRow[];
  readonly deleted: readonly TaskRecord[];
}

export function encodeTasks(codec: TaskCodec, decided: readonly Decided<unknown>[]): ChangedRows {
  const states: TaskStateRow[] = [];
  const tasks: TaskRow[] = [];
  const deleted: TaskRecord[] = [];
  for (const { task, change } of decided) {
    const next = changedTask(task, change);
    if (next === null) deleted.push(task);
    else if (next.definition === task.definition) states.push(codec.encodeState(next));
    else tasks.push(codec.encodeTask(next));
  }
  return { states, tasks, deleted };
}

/** One statement cannot write a row twice: the last of the same key counts. */
export function encodeRuns(codec: TaskCodec, decided: readonly Decided<unknown>[]): readonly RunRow[] {
  const runs = new Map<string, RunRow>();
  for (const { change } of decided)
    for (const run of change.history ?? []) runs.set(historyKey(run), codec.encodeRun(run));
  return [...runs.values()];
}

/** The entries of the journal of what was decided. */
export function entriesOf(codec: TaskCodec, decided: readonly Decided<unknown>[]): readonly JournalRow[] {
  return encodeEntries(
    codec,
    decided.flatMap(({ change }) => change.journal ?? []),
  );
}

/** Keeps ended runs, each instead of what there is of the same attempt. */
export function* keepRuns(dialect: Dialect, rows: readonly RunRow[]): Script<void> {
  yield* dialect.removeRuns(rows);
  yield* dialect.saveRuns(rows);
}

/** What the caller of `transact` gets for a change that was written. */
export function committed<T>({ task, change }: Decided<T>): Committed<T> {
  return { id: task.id, task: changedTask(task, change), value: change.value };
}

/** Removes tasks, in as few statements as carry their ids. */
export function* remove(dialect: Dialect, tasks: readonly TaskRecord[]): Script<void> {
  for (let at = 0; at < tasks.length; at += IDS) {
    yield* dialect.deleteTasks(tasks.slice(at, at + IDS).map(({ id }) => id));
  }
}
