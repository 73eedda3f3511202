import { journalIdAt } from '../../../model/journal.id.js';
import type {
  JournalEntry,
  JournalKind,
  JournalPageRequest,
  PruneJournalOptions,
  StoredJournalFilter,
} from '../../../model/journal.js';
import type { JournalRow, TaskCodec } from '../../../persistence/codec.interface.js';
import { parseJournalCursor } from '../../journal.query.js';
import type { Dialect } from '../dialects/dialect.js';
import { batches, tuples } from './batches.js';
import { BYTES, JOURNAL_COLUMNS, storable } from './columns.js';
import { all, raw, rowCount, sql, toNumber } from './sql.js';
import type { Rows, Script, Sql } from './sql.js';

/** How many rows one statement writes: seven values each, and some databases take 2,100. */
const ROWS = 200;

/** How many ids one statement removes. */
const IDS = 1_000;

const NAMES = raw(JOURNAL_COLUMNS.map(({ name }) => name).join(', '));

/** A row's values in the order of {@link JOURNAL_COLUMNS}. */
function valuesOf(row: JournalRow): unknown[] {
  return [row.id, row.time, row.kind, row.taskId, storable(row.scheduler), row.actor, row.body];
}

/** A record of the table as the codec reads it. */
function rowOf(record: Rows['records'][number]): JournalRow {
  const body = String(record.body);
  return {
    id: String(record.id),
    time: toNumber(record.entry_time),
    kind: record.kind as JournalKind,
    taskId: record.task_id === null || record.task_id === undefined ? null : String(record.task_id),
    scheduler: String(record.scheduler),
    actor: record.actor === null || record.actor === undefined ? null : String(record.actor),
    body,
    ...(body === '' && { oversize: toNumber(record[BYTES]) }),
  };
}

/** Entries as rows. One whose scheduler a database cannot keep as it is says what is left of it. */
export function encodeEntries(codec: TaskCodec, entries: readonly JournalEntry[]): readonly JournalRow[] {
  return entries.map((entry) => codec.encodeEntry({ ...entry, scheduler: storable(entry.scheduler) }));
}

/** Adds entries whose ids are new. */
export function* insertEntries(dialect: Dialect, rows: readonly JournalRow[]): Script<void> {
  for (const batch of batches(rows.map(valuesOf), ROWS)) {
    yield sql`INSERT INTO ${dialect.journal} (${NAMES}) VALUES ${tuples(batch)}`;
  }
}

/** Keeps entries, each instead of the one with the same id. */
export function* saveEntries(dialect: Dialect, rows: readonly JournalRow[]): Script<void> {
  // One statement cannot write a row twice: the last of the same id counts.
  const distinct = [...new Map(rows.map((row) => [row.id, row])).values()];
  yield* deleteEntries(
    dialect,
    distinct.map(({ id }) => id),
  );
  yield* insertEntries(dialect, distinct);
}

/** The rows of a page, and one more when there is a next one. */
export function* selectEntries(
  dialect: Dialect,
  codec: TaskCodec,
  filter: StoredJournalFilter,
  { limit, cursor }: JournalPageRequest,
): Script<readonly JournalRow[]> {
  const where = conditions(dialect, codec, filter);
  if (cursor !== undefined) where.push(sql`id < ${parseJournalCursor(cursor)}`);
  const { records } = yield sql`
    SELECT ${dialect.journalColumns} FROM ${dialect.journal} WHERE ${all(where)}
    ORDER BY id DESC ${dialect.limit(rowCount(limit + 1))}`;
  return records.map(rowOf);
}

/** See `Store.pruneJournal`. */
export function* pruneEntries(dialect: Dialect, { before, keep, limit }: PruneJournalOptions): Script<number> {
  const outdated: Sql[] = [];
  if (before !== null) outdated.push(sql`(id < ${journalIdAt(before)} AND entry_time < ${before})`);
  if (keep !== null) {
    const { records } =
      yield sql`SELECT id FROM ${dialect.journal} ORDER BY id DESC ${dialect.page(rowCount(keep), 1)}`;
    if (records[0]) outdated.push(sql`id <= ${String(records[0].id)}`);
  }
  if (outdated.length === 0) return 0;
  const either = outdated.length === 1 ? outdated[0]! : sql`(${outdated[0]!} OR ${outdated[1]!})`;
  const { records } = yield sql`
    SELECT id FROM ${dialect.journal} WHERE ${either} ORDER BY id ${dialect.limit(rowCount(limit))}`;
  const ids = records.map(({ id }) => String(id));
  return yield* deleteEntries(dialect, ids);
}

function* deleteEntries(dialect: Dialect, ids: readonly string[]): Script<number> {
  let removed = 0;
  for (let at = 0; at < ids.length; at += IDS) {
    const some = ids.slice(at, at + IDS);
    const { affected } = yield sql`DELETE FROM ${dialect.journal} WHERE ${dialect.oneOf(raw('id'), some)}`;
    removed += affected;
  }
  return removed;
}

/** Ids begin with the time, so that one index serves both. */
function conditions(
  dialect: Dialect,
  codec: TaskCodec,
  { taskId, kinds, actor, scheduler, from, to }: StoredJournalFilter,
): Sql[] {
  const where: Sql[] = [];
  if (taskId !== undefined) where.push(sql`task_id = ${taskId}`);
  if (kinds !== undefined) where.push(dialect.oneOf(raw('kind'), kinds));
  if (actor !== undefined) where.push(dialect.oneOf(raw('actor'), codec.actorLabels(actor)));
  if (scheduler !== undefined) where.push(sql`scheduler = ${storable(scheduler)}`);
  if (from !== undefined) where.push(sql`id >= ${journalIdAt(from)} AND entry_time >= ${from}`);
  if (to !== undefined) where.push(sql`id < ${journalIdAt(to)} AND entry_time < ${to}`);
  return where;
}
