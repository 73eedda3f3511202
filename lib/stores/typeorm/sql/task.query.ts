import type { PageRequest, StoredTaskFilter, TaskSort } from '../../../model/query.js';
import { lifecycleOf } from '../../../model/start-tasks.js';
import type { StartTaskKind } from '../../../model/start-tasks.js';
import { INTERNAL_HANDLER, INTERNAL_PREFIX } from '../../../model/definition.js';
import type { Dialect } from '../dialects/dialect.js';
import { storable, tagText } from './columns.js';
import { all, join, raw, rowCount, sql, toNumber } from './sql.js';
import type { Rows, Script, Sql } from './sql.js';

/** What this process cannot read, as far as it is known. */
export interface Readability {
  /** How rows are written that can be read. */
  readonly codecs: readonly string[];
  /** The ids of rows that are written so and are damaged. */
  readonly damaged: readonly string[];
}

/** The internal records. Their ids, which are next to each other, lead to them. */
const INTERNAL = sql`id >= ${INTERNAL_PREFIX} AND id < ${INTERNAL_PREFIX.replace(/:$/, ';')} AND handler = ${INTERNAL_HANDLER}`;

/** One page of rows, and how many match. */
export interface TaskRows {
  readonly records: Rows['records'];
  readonly total: number;
}

/** Whether a filter asks for what only a readable record can be said to have. */
export function needsReading({ state, executor, trigger, tag }: StoredTaskFilter): boolean {
  return [state, executor, trigger, tag].some((condition) => condition !== undefined);
}

/** Filters, sorts and pages, internal records left out; not for `state: 'unreadable'`, which no database can tell. */
export function* selectPage(
  dialect: Dialect,
  filter: StoredTaskFilter,
  sort: TaskSort,
  page: PageRequest,
  readability: Readability,
): Script<TaskRows> {
  const where = conditions(dialect, filter, readability);
  // Taken off, because to ask each row for its handler would read the whole table where an index is enough to count.
  const counted = yield sql`
    SELECT COUNT(*) - (SELECT COUNT(*) FROM ${dialect.tasks} WHERE ${INTERNAL} AND ${where}) AS total
    FROM ${dialect.tasks} WHERE ${where}`;
  const total = toNumber(counted.records[0]!.total);
  if (page.limit <= 0 || page.offset >= total) return { records: [], total };
  const { records } = yield sql`
    SELECT ${dialect.taskColumns} FROM ${dialect.tasks} WHERE ${where} AND handler <> ${INTERNAL_HANDLER}
    ORDER BY ${order(dialect, sort, readability)} ${dialect.page(page.offset, rowCount(page.limit))}`;
  return { records, total };
}

/** The next tasks of a kind by id. */
export function* selectStartTasks(
  dialect: Dialect,
  kind: StartTaskKind,
  after: string,
  limit: number,
): Script<Rows['records']> {
  const where = [dialect.isStartTask, sql`id > ${after}`];
  // The others are told apart by their definitions.
  const trigger = lifecycleOf(kind);
  if (trigger !== null) where.push(sql`trigger_type = ${trigger}`);
  const { records } = yield sql`
    SELECT ${dialect.taskColumns} FROM ${dialect.tasks} WHERE ${all(where)} ORDER BY id ${dialect.limit(limit)}`;
  return records;
}

/** The next rows by id, so that all can be looked at without holding all. */
export function* selectAfter(dialect: Dialect, id: string, limit: number): Script<Rows['records']> {
  const { records } = yield sql`
    SELECT ${dialect.taskColumns} FROM ${dialect.tasks} WHERE id > ${id} ORDER BY id ${dialect.limit(limit)}`;
  return records;
}

function conditions(dialect: Dialect, filter: StoredTaskFilter, readability: Readability): Sql {
  const { state, handler, executor, trigger, tag, q, after } = filter;
  const where: Sql[] = [];
  if (needsReading(filter)) where.push(...readable(dialect, readability));
  if (state !== undefined) where.push(stateCondition(state));
  if (handler !== undefined) where.push(sql`handler = ${storable(handler)}`);
  if (executor !== undefined) where.push(sql`executor = ${storable(executor)}`);
  if (trigger !== undefined) where.push(sql`trigger_type = ${storable(trigger)}`);
  if (after !== undefined) where.push(sql`id > ${storable(after)}`);
  if (tag !== undefined) where.push(dialect.contains(raw('tags'), tagText(tag)));
  const text = storable(q ?? '')
    .trim()
    .toLowerCase();
  if (text !== '') where.push(dialect.contains(raw('search'), text));
  return all(where);
}

function readable(dialect: Dialect, { codecs, damaged }: Readability): Sql[] {
  const conditions = [dialect.oneOf(raw('codec'), codecs)];
  if (damaged.length > 0) conditions.push(dialect.noneOf(raw('id'), damaged));
  return conditions;
}

function stateCondition(state: NonNullable<StoredTaskFilter['state']>): Sql {
  const [no, yes] = [false, true];
  if (state === 'running') return raw('running > 0');
  if (state === 'disabled') return sql`running = 0 AND disabled = ${yes}`;
  const isHeldBy = sql`running = 0 AND disabled = ${no}`;
  if (state === 'paused') return sql`${isHeldBy} AND paused = ${yes}`;
  if (state === 'finished') return sql`${isHeldBy} AND paused = ${no} AND finished = ${yes}`;
  if (state === 'scheduled') return sql`${isHeldBy} AND paused = ${no} AND finished = ${no}`;
  // "pending" waits in a process, and "unreadable" is not for this.
  return raw('1 = 0');
}

function order(dialect: Dialect, { by, descending }: TaskSort, readability: Readability): Sql {
  const keys = sortKeys(dialect, by, readability);
  const direction = raw(descending ? ' DESC' : '');
  return join(
    [...keys, raw('id')].map((key) => sql`${key}${direction}`),
    ', ',
  );
}

function sortKeys(dialect: Dialect, by: TaskSort['by'], readability: Readability): Sql[] {
  switch (by) {
    case 'id':
      return [];
    case 'name':
      // Begins with the name in lower case and the id.
      return [raw('search')];
    case 'nextRunTime':
      // Databases disagree on where nulls go.
      return [raw('CASE WHEN next_run_time IS NULL THEN 1 ELSE 0 END'), raw('next_run_time')];
    case 'state':
      return [stateRank(dialect, readability)];
    case 'priority':
      return [raw('priority')];
    case 'trigger':
      return [raw('LOWER(trigger_type)')];
    default:
      return [raw(`LOWER(${by})`)];
  }
}

/** In the order of the states' names. */
function stateRank(dialect: Dialect, readability: Readability): Sql {
  const isReadable = all(readable(dialect, readability));
  return sql`CASE WHEN NOT (${isReadable}) THEN 6 WHEN running > 0 THEN 4 WHEN disabled = ${true} THEN 1
    WHEN paused = ${true} THEN 3 WHEN finished = ${true} THEN 2 ELSE 5 END`;
}
