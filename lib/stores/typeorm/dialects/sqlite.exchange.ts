import type { RunRow } from '../../../persistence/codec.interface.js';
import { RUN_COLUMNS, runValues, STATE_COLUMNS, stateValues, storable } from '../sql/columns.js';
import { EachRow } from '../sql/sql.js';
import type { Script, Sql } from '../sql/sql.js';
import type { KnownRow, Taker } from './known.row.js';

/** The tables' names, quoted. */
interface Tables {
  readonly tasks: Sql;
  readonly runs: Sql;
}

const CHANGED = STATE_COLUMNS.slice(1).map((name) => `${name} = ?`);
const RUN_NAMES = RUN_COLUMNS.map(({ name }) => name);

/** Says that a task is the one that a change was made from. */
const IS_STILL = 'id = ? AND version = ? AND last_token = ?';

/** Writes changes of tasks that are still what the changes were made from. Returns the ids of these. */
export function* writeKnown({ tasks, runs }: Tables, changes: readonly KnownRow[]): Script<ReadonlySet<string>> {
  const written = new Set<string>();
  const table = textOf(tasks);
  const carryOut = function* (
    rows: readonly KnownRow[],
    text: string,
    valuesOf: (row: KnownRow) => unknown[],
  ): Script<void> {
    if (rows.length === 0) return;
    const { affectedBy } = yield new EachRow(text, rows.map(valuesOf));
    for (const [at, { from }] of rows.entries()) if (affectedBy![at]! > 0) written.add(from.id);
  };
  const fromOf = ({ from: { id, version, lastToken } }: KnownRow) => [id, version, lastToken];
  yield* carryOut(
    changes.filter(({ state }) => state === null),
    `DELETE FROM ${table} WHERE ${IS_STILL}`,
    fromOf,
  );
  yield* carryOut(
    changes.filter(({ state }) => state !== null),
    `UPDATE ${table} SET ${CHANGED.join(', ')} WHERE ${IS_STILL}`,
    (row) => [...stateValues(row.state!).slice(1), ...fromOf(row)],
  );
  yield* insertRuns(
    runs,
    changes.flatMap((change) => (written.has(change.from.id) ? change.runs : [])),
  );
  return written;
}

/** Puts tasks under a lease, as `leaseOf` does. */
export function* takeLocked(
  { tasks }: Tables,
  ids: readonly string[],
  storeNow: number,
  { owner, leaseMs }: Taker,
): Script<void> {
  const text = `
    UPDATE ${textOf(tasks)} SET lease_owner = ?, lease_token = MAX(last_token + 1, ?), lease_at = ?, lease_until = ?,
      lease_attempt = COALESCE(lease_attempt, 0) + 1, last_token = MAX(last_token + 1, ?),
      running = running + (lease_token IS NULL), version = version + 1
    WHERE id = ?`;
  const values = [storable(owner), storeNow, storeNow, storeNow + leaseMs, storeNow];
  yield new EachRow(
    text,
    ids.map((id) => [...values, id]),
  );
}

/** Keeps ended runs, each replacing the one with the same key. */
export function* insertRuns(runs: Sql, rows: readonly RunRow[]): Script<void> {
  if (rows.length === 0) return;
  const text = `INSERT OR REPLACE INTO ${textOf(runs)} (${RUN_NAMES.join(', ')}) VALUES (${places(RUN_NAMES.length)})`;
  yield new EachRow(text, rows.map(runValues));
}

/** So many placeholders. */
export function places(count: number): string {
  return Array.from({ length: count }, () => '?').join(', ');
}

/** The text of a piece that has no values. */
export function textOf({ texts }: Sql): string {
  return texts.join('');
}
