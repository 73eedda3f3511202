import { nextToken } from '../../../model/task.js';
import { runValues, STATE_COLUMNS, stateValues, storable } from '../sql/columns.js';
import { last, raw, repeated, sql, toNumber } from '../sql/sql.js';
import type { Rows, Script, Sql } from '../sql/sql.js';
import type { DueQuery, DueRows } from './dialect.js';
import type { KnownRow, Taker } from './known.row.js';
import type { PostgresDialect } from './postgres.dialect.js';
import { assigned, dueRows, FROM_TOKEN, rowsAs } from './postgres.rows.js';

/** What a taking changes in a row, and its end must change back. */
const RELEASED = [
  'id',
  'version',
  'last_token',
  'running',
  'lease_owner',
  'lease_token',
  'lease_attempt',
  'lease_at',
  'lease_until',
];

/** Selects due tasks by priority, and puts them under a lease in the same statement. They are given back as they were. */
export function* takeByPriority(
  dialect: PostgresDialect,
  query: DueQuery,
  limit: number,
  taker: Taker,
): Script<DueRows> {
  const { records } = yield last(
    repeated(sql`
      WITH RECURSIVE ${dialect.clock}, ${dialect.levels},
      due AS MATERIALIZED (SELECT first.* FROM clock CROSS JOIN LATERAL (${dialect.firstDue(query, limit)}) first),
      taken AS (
        UPDATE ${dialect.tasks} AS task SET ${lease(raw('clock.now'), taker)}
        FROM due CROSS JOIN clock WHERE task.id = due.id
      )
      SELECT clock.now AS store_now, due.* FROM clock LEFT JOIN due ON true`),
  );
  return dueRows(records);
}

/** Puts tasks that are locked under a lease. */
export function* takeLocked(
  dialect: PostgresDialect,
  ids: readonly string[],
  storeNow: number,
  taker: Taker,
): Script<void> {
  yield last(sql`
    UPDATE ${dialect.tasks} AS task SET ${lease(sql`${storeNow}::bigint`, taker)}
    WHERE ${dialect.oneOf(raw('id'), ids)}`);
}

/**
 * Gives tasks back that cannot be read, so that whoever can read them has them at once. One that was changed meanwhile is
 * left under its lease.
 *
 * @param records The rows as they were before they were taken.
 * @param storeNow When they were taken.
 */
export function* release(dialect: PostgresDialect, records: Rows['records'], storeNow: number): Script<void> {
  const rows = records.map((record) => [
    ...RELEASED.map((name) => record[name]),
    nextToken({ lastToken: toNumber(record.last_token) }, storeNow),
  ]);
  yield sql`
    UPDATE ${dialect.tasks} AS task SET ${assigned(RELEASED.slice(1), 'was')}
    FROM ${rowsAs([...RELEASED, FROM_TOKEN], rows, 'was')}
    WHERE task.id = was.id AND task.lease_token = was.from_token AND task.version = was.version + 1`;
}

/** What `taken` makes of a task. */
function lease(now: Sql, { owner, leaseMs }: Taker): Sql {
  const until = sql`${now} + ${leaseMs}::bigint`;
  const token = sql`GREATEST(task.last_token + 1, ${now})`;
  return sql`
    lease_owner = ${storable(owner)}, lease_token = ${token}, lease_at = ${now}, lease_until = ${until},
    lease_attempt = COALESCE(task.lease_attempt, 0) + 1, last_token = ${token},
    running = task.running + CASE WHEN task.lease_token IS NULL THEN 1 ELSE 0 END, version = task.version + 1`;
}

/** Writes changes of tasks that are still what the changes were made from. Returns the ids of these. */
export function* writeKnown(dialect: PostgresDialect, changes: readonly KnownRow[]): Script<readonly string[]> {
  const states = changes.flatMap(({ from, state }) => (state ? [[...stateValues(state), from.lastToken]] : []));
  const removed = changes.flatMap(({ from, state }) => (state ? [] : [[from.id, from.version, from.lastToken]]));
  const runs = changes.flatMap((change) => change.runs.map(runValues));
  // Not to be made a join of, which is of all with all for want of a better one.
  const isWritten = raw('CASE WHEN task_id IN (SELECT id FROM written) THEN true ELSE false END');
  const { records } = yield last(
    repeated(sql`
      WITH changed AS (
        UPDATE ${dialect.tasks} AS task SET ${assigned(STATE_COLUMNS.slice(1), 'known')}
        FROM ${rowsAs([...STATE_COLUMNS, FROM_TOKEN], states, 'known')}
        WHERE task.id = known.id AND task.version = known.version - 1 AND task.last_token = known.from_token
        RETURNING task.id
      ), removed AS (
        DELETE FROM ${dialect.tasks} AS task USING ${rowsAs(['id', 'version', 'last_token'], removed, 'gone')}
        WHERE task.id = gone.id AND task.version = gone.version AND task.last_token = gone.last_token
        RETURNING task.id
      ), written AS MATERIALIZED (SELECT id FROM changed UNION ALL SELECT id FROM removed), kept AS (
        ${dialect.insertRuns(runs, isWritten)}
      )
      SELECT id FROM written`),
  );
  return records.map(({ id }) => String(id));
}
