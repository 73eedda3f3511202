import { runValues, STATE_COLUMNS, stateValues } from '../sql/columns.js';
import { join, raw, repeated, sql } from '../sql/sql.js';
import type { Rows, Sql } from '../sql/sql.js';
import type { KnownRow } from './known.row.js';
import type { PostgresDialect } from './postgres.dialect.js';
import { assigned, FROM_TOKEN, rowsAs } from './postgres.rows.js';

/** Writes changes of tasks that are still what the changes were made from, in one statement: see {@link writtenOf}. */
export function writeKnown(dialect: PostgresDialect, changes: readonly KnownRow[]): Sql {
  const states = changes.flatMap(({ from, state }) => (state ? [[...stateValues(state), from.lastToken]] : []));
  const removed = changes.flatMap(({ from, state }) => (state ? [] : [[from.id, from.version, from.lastToken]]));
  const runs = changes.flatMap((change) => change.runs.map(runValues));
  const parts: Sql[] = [];
  const written: Sql[] = [];
  if (states.length > 0) {
    written.push(raw('SELECT id FROM changed'));
    parts.push(sql`
      changed AS (
        UPDATE ${dialect.tasks} AS task SET ${assigned(STATE_COLUMNS.slice(1), 'known')}
        FROM ${rowsAs([...STATE_COLUMNS, FROM_TOKEN], states, 'known')}
        WHERE task.id = known.id AND task.version = known.version - 1 AND task.last_token = known.from_token
        RETURNING task.id
      )`);
  }
  if (removed.length > 0) {
    written.push(raw('SELECT id FROM removed'));
    parts.push(sql`
      removed AS (
        DELETE FROM ${dialect.tasks} AS task USING ${rowsAs(['id', 'version', 'last_token'], removed, 'gone')}
        WHERE task.id = gone.id AND task.version = gone.version AND task.last_token = gone.last_token
        RETURNING task.id
      )`);
  }
  parts.push(sql`written AS MATERIALIZED (${join(written, ' UNION ALL ')})`);
  if (runs.length > 0) {
    // Not to be made a join of, which is of all with all for want of a better one.
    const isWritten = raw('CASE WHEN task_id IN (SELECT id FROM written) THEN true ELSE false END');
    parts.push(sql`kept AS (${dialect.insertRuns(runs, isWritten)})`);
  }
  // Most often it is all of them, which is said without naming each.
  return repeated(sql`
    WITH ${join(parts, ', ')}
    SELECT CASE WHEN (SELECT count(*) FROM written) < ${changes.length}::bigint
      THEN ARRAY(SELECT id FROM written) END AS some`);
}

/** The ids of the tasks that were still what the changes were made from, by the answer to {@link writeKnown}. */
export function writtenOf({ records }: Rows, changes: readonly KnownRow[]): readonly string[] {
  const some = records[0]?.some as readonly string[] | null | undefined;
  return some ?? changes.map(({ from }) => from.id);
}
