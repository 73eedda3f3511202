import { nextToken } from '../../../model/task.js';
import type { DueOrder } from '../../selection.interface.js';
import { storable, TAKEN_COLUMNS } from '../sql/columns.js';
import { last, raw, repeated, sql, toNullableNumber, toNumber } from '../sql/sql.js';
import type { Rows, Script, Sql } from '../sql/sql.js';
import type { DueQuery, DueRows } from './dialect.js';
import type { Taker } from './known.row.js';
import type { PostgresDialect } from './postgres.dialect.js';
import { assigned, dueRows, FROM_TOKEN, rowsAs } from './postgres.rows.js';

/** What {@link takeDue} took. */
export interface TakenRows extends DueRows {
  /** When the next task is due that was not: see `Taken.nextDue`. Null where as many were taken as were asked for. */
  readonly nextDue: number | null;
}

/** What is written of a row to give it back, beside its id. */
const RETURNED = TAKEN_COLUMNS.map(({ name }) => name);

/**
 * Selects due tasks of any group, and puts them under a lease in the same statement. They are given back as they were.
 *
 * A row that was changed between the statement's beginning and its lock is locked and not taken: it is not where it was.
 */
export function* takeDue(
  dialect: PostgresDialect,
  query: DueQuery,
  order: DueOrder,
  limit: number,
  taker: Taker,
): Script<TakenRows> {
  const place = raw(['ctid AS place', ...RETURNED].join(', '));
  const found = order === 'age' ? dialect.oldestDue(query, place, limit) : dialect.firstDue(query, place, limit);
  const { records } = yield last(
    repeated(sql`
      WITH RECURSIVE ${dialect.clock}, ${dialect.levels},
      due AS MATERIALIZED (SELECT found.* FROM clock CROSS JOIN LATERAL (${found}) found),
      taken AS (
        UPDATE ${dialect.tasks} AS task SET ${lease(raw('clock.now'), taker)}
        FROM due CROSS JOIN clock WHERE task.ctid = due.place
        RETURNING ${dialect.takenColumns}
      )
      SELECT clock.now AS store_now,
        CASE WHEN (SELECT count(*) FROM due) < ${limit}::bigint THEN (${dialect.nextAfter(query)}) END AS next_due, taken.*
      FROM clock LEFT JOIN taken ON true`),
  );
  return { ...dueRows(records), nextDue: toNullableNumber(records[0]!.next_due) };
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
  const names = ['id', ...RETURNED, FROM_TOKEN];
  const rows = records.map((record) => [
    record.id,
    ...RETURNED.map((name) => record[name]),
    nextToken({ lastToken: toNumber(record.last_token) }, storeNow),
  ]);
  yield sql`
    UPDATE ${dialect.tasks} AS task SET ${assigned(RETURNED, 'was')}
    FROM ${rowsAs(names, rows, 'was')}
    WHERE task.id = was.id AND task.lease_token = was.from_token AND task.version = was.version + 1`;
}

/** What `leaseOf` makes for a task. */
function lease(now: Sql, { owner, leaseMs }: Taker): Sql {
  const until = sql`${now} + ${leaseMs}::bigint`;
  const token = sql`GREATEST(task.last_token + 1, ${now})`;
  return sql`
    lease_owner = ${storable(owner)}, lease_token = ${token}, lease_at = ${now}, lease_until = ${until},
    lease_attempt = COALESCE(task.lease_attempt, 0) + 1, last_token = ${token},
    running = task.running + CASE WHEN task.lease_token IS NULL THEN 1 ELSE 0 END, version = task.version + 1`;
}
