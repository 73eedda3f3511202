import type { StoreFinding } from '../../../model/finding.js';
import { indexesMissing } from '../../store.findings.js';
import type { Session } from '../sql/session.js';
import { list, once, sql } from '../sql/sql.js';
import type { Sql } from '../sql/sql.js';
import type { SchemaDialect } from './schema.sql.js';
import type { TableNames } from './table.names.js';

/** The statement that lists the indexes of the store's tables by name; null where there is none for the database. */
function listIndexes(dialect: SchemaDialect | null, { tasks, runs, journal, schema }: TableNames): Sql | null {
  const tables = list([tasks, runs, journal]);
  switch (dialect) {
    case 'postgres':
      // One that was broken off while it was made concurrently is there and is not used.
      return sql`SELECT i.relname AS name FROM pg_index x JOIN pg_class i ON i.oid = x.indexrelid JOIN pg_class t ON t.oid = x.indrelid
        JOIN pg_namespace n ON n.oid = t.relnamespace
        WHERE x.indisvalid AND t.relname IN (${tables}) AND n.nspname = COALESCE(${schema}::text, current_schema())`;
    case 'mysql':
    case 'mariadb':
      return sql`SELECT DISTINCT index_name AS name FROM information_schema.statistics
        WHERE table_schema = DATABASE() AND table_name IN (${tables})`;
    case 'sqlite':
      return sql`SELECT name FROM sqlite_master WHERE type = 'index' AND tbl_name IN (${tables})`;
    case null:
      return null;
  }
}

/** The indexes of the tables that are not there. */
export async function missingIndexes(
  session: Session,
  dialect: SchemaDialect | null,
  names: TableNames,
): Promise<readonly StoreFinding[]> {
  const statement = listIndexes(dialect, names);
  if (statement === null) return [];
  const { records } = await session.read(() => once(statement));
  const there = new Set(records.map(({ name }) => String(name)));
  const wanted = [
    names.dueIndex,
    names.laneIndex,
    names.startIndex,
    names.taskRunsIndex,
    names.deadIndex,
    names.taskJournalIndex,
  ];
  const missing = wanted.filter((name) => !there.has(name));
  if (missing.length === 0) return [];
  return [indexesMissing(missing, `Make them by the statements of generateSchemaSql('${dialect}')`)];
}

/**
 * The finding that the tables are not as this version makes them.
 *
 * @param message What the database says when it is asked for every column of every table.
 */
export function schemaOutdated(message: string): StoreFinding {
  return {
    code: 'schema-outdated',
    severity: 'error',
    confidence: 'certain',
    what: `The tables are not as this version makes them: ${message}`,
    why: 'statements fail, and no scheduler can start on them',
    advice: 'Run the migrations of this version (asynczMigrations), or its statements (generateSchemaSql)',
    details: { message },
  };
}

/** The finding that what others say does not arrive, so that their tasks wait for a poll. */
export function notificationsLost(address: string): StoreFinding {
  return {
    code: 'notifications-lost',
    severity: 'warning',
    confidence: 'likely',
    what: `Notifications of ${address} do not arrive`,
    why: 'tasks that other processes add or change are found by polling, seconds later',
    advice:
      'A pooler that gives each transaction another connection, such as PgBouncer, may be between: connect the store directly, or ' +
      'turn notifications off with notify: false',
    details: { address },
  };
}
