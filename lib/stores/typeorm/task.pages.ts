import type { PageRequest, StoredTaskFilter, StoredTaskPage, TaskSort } from '../../model/query.js';
import { isOfKind } from '../../model/start-tasks.js';
import type { StartTaskKind, StartTaskPage, StartTaskPageRequest } from '../../model/start-tasks.js';
import { isUnreadable } from '../../model/task.js';
import type { UnreadableTask } from '../../model/task.js';
import { queryTasks } from '../task-query.js';
import type { OpenDatabase } from './open.database.js';
import { all, once, rowCount, sql, toNumber } from './sql/sql.js';
import { needsReading, selectAfter, selectPage, selectStartTasks } from './sql/task.query.js';

/** How often a page is asked for again because damaged records turned up in it. */
const MAX_ROUNDS = 10;

/** How many rows are looked at in one go. */
const SCAN_ROWS = 1_000;

/** Filters, sorts and pages in the database: see `Store.query`. */
export async function queryPage(
  database: OpenDatabase,
  filter: StoredTaskFilter,
  sort: TaskSort,
  page: PageRequest,
): Promise<StoredTaskPage> {
  if (filter.state === 'unreadable') return queryUnreadable(database, filter, sort, page);
  const { dialect, reader, session } = database;
  for (let round = 1; ; round += 1) {
    const script = () => selectPage(dialect, filter, sort, page, reader.readability);
    const { records, total } = await session.read(script, 'long');
    const tasks = records.map((record) => reader.read(record));
    // Columns do not show damage. Now that it is known, the record is left out and the page comes out right.
    const again = needsReading(filter) && tasks.some(isUnreadable);
    if (!again || round >= MAX_ROUNDS) return { tasks, total };
  }
}

/** Finds the tasks of a kind by their index: see `Store.startTasks`. */
export async function pageOfStartTasks(
  { dialect, reader, session }: OpenDatabase,
  kind: StartTaskKind,
  { limit, cursor = '' }: StartTaskPageRequest,
): Promise<StartTaskPage> {
  const count = rowCount(limit);
  const records = await session.read(() => selectStartTasks(dialect, kind, cursor, count));
  const tasks = reader.readAll(records).tasks.filter(({ definition }) => isOfKind(definition, kind));
  return { tasks, next: records.length < count ? null : String(records.at(-1)!.id) };
}

/** How many tasks are due: see `Store.countDue`. */
export async function countDue({ dialect, reader, session }: OpenDatabase, now: number, atMost: number) {
  const conditions = [dialect.isDueBy(sql`${now}`), ...dialect.runnable(reader.dueQuery({ handlers: null }))];
  const due = sql`SELECT 1 AS one FROM ${dialect.tasks} WHERE ${all(conditions)} LIMIT ${rowCount(atMost)}`;
  const { records } = await session.read(() => once(sql`SELECT COUNT(*) AS due FROM (${due}) due_tasks`));
  return toNumber(records[0]!.due);
}

/** No column says whether a record can be read, so all are looked at. */
async function queryUnreadable(
  { dialect, reader, session }: OpenDatabase,
  filter: StoredTaskFilter,
  sort: TaskSort,
  page: PageRequest,
): Promise<StoredTaskPage> {
  const found: UnreadableTask[] = [];
  let last = '';
  for (;;) {
    const after = last;
    const records = await session.read(() => selectAfter(dialect, after, SCAN_ROWS), 'long');
    found.push(...reader.readAll(records).unreadable);
    if (records.length < SCAN_ROWS) return queryTasks(found, filter, sort, page);
    last = String(records.at(-1)!.id);
  }
}
