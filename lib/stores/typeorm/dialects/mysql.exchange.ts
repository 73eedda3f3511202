import { Contended } from '../sql/contended.js';
import { fixedOwner } from '../sql/fixed.lease.js';
import { join, raw, sql, toNumber } from '../sql/sql.js';
import type { Script } from '../sql/sql.js';
import type { KnownRow, Taker } from './known.row.js';
import type { LevelledDialect } from './levelled.dialect.js';

/**
 * Writes changes of tasks that are still what the changes were made from. Returns the ids of these.
 *
 * MySQL says how many rows a statement has removed and not which. That it was all of them is what happens unless somebody
 * was faster, and then no row has been read before it was removed.
 *
 * @param isContended Whether somebody was faster, so that what is removed has to be read first.
 * @throws Contended When somebody was.
 */
export function* writeKnown(
  dialect: LevelledDialect,
  changes: readonly KnownRow[],
  isContended: boolean,
): Script<ReadonlySet<string>> {
  const written = new Set<string>();
  const read = isContended ? changes : changes.filter(({ state }) => state !== null);
  if (read.length > 0) yield* lockKnown(dialect, read, written);
  const removed = changes.filter(({ from, state }) => state === null && (!isContended || written.has(from.id)));
  if (removed.length > 0) {
    const ids = removed.map(({ from }) => from.id);
    // The ids by themselves are what leads to the rows on every version.
    const { affected } = yield sql`
      DELETE FROM ${dialect.tasks} WHERE ${dialect.oneOf(raw('id'), ids)} AND ${isOneOf(removed)}`;
    if (affected < removed.length) throw new Contended();
    for (const id of ids) written.add(id);
  }
  const kept = changes.filter(({ from }) => written.has(from.id));
  const states = kept.flatMap(({ state }) => state ?? []);
  if (states.length > 0) yield* dialect.updateStates(states);
  const runs = kept.flatMap((change) => change.runs);
  if (runs.length > 0) yield* dialect.saveRuns(runs);
  return written;
}

/** Puts tasks that are locked under a lease, as `leaseOf` does. */
export function* takeLocked(
  dialect: LevelledDialect,
  ids: readonly string[],
  storeNow: number,
  { owner, leaseMs }: Taker,
): Script<void> {
  // Assigned from the left to the right: each reads what stands behind it as it was.
  const token = sql`GREATEST(last_token + 1, ${storeNow})`;
  yield sql`
    UPDATE ${dialect.tasks} SET
      running = running + IF(${dialect.isUnleased}, 1, 0), lease_attempt = lease_attempt + 1,
      lease_owner = ${fixedOwner(owner)}, lease_at = ${storeNow}, lease_until = ${storeNow + leaseMs},
      lease_token = ${token}, last_token = lease_token, version = version + 1
    WHERE ${dialect.oneOf(raw('id'), ids)}`;
}

/** Locks the tasks that are still what changes of them were made from, and adds their ids to `still`. */
function* lockKnown(dialect: LevelledDialect, changes: readonly KnownRow[], still: Set<string>): Script<void> {
  const known = new Map(changes.map(({ from }) => [from.id, from]));
  const { records } = yield sql`
    SELECT id, version, last_token FROM ${dialect.tasks} WHERE ${dialect.oneOf(raw('id'), [...known.keys()])}
    ORDER BY id ${dialect.lockRows}`;
  for (const { id, version, last_token } of records) {
    const from = known.get(String(id));
    if (from?.version === toNumber(version) && from.lastToken === toNumber(last_token)) still.add(from.id);
  }
}

function isOneOf(changes: readonly KnownRow[]) {
  const tuples = changes.map(({ from }) => sql`(${from.id}, ${from.version}, ${from.lastToken})`);
  return sql`(id, version, last_token) IN (${join(tuples, ', ')})`;
}
