import type { DataSource, DataSourceOptions } from 'typeorm';
import { InvalidOptionError } from '../../../errors/input.errors.js';
import type { ServerVersion } from '../connection/server.version.js';
import type { SchemaDialect } from '../schema/schema.sql.js';
import type { ResolvedOptions } from '../typeorm.options.js';
import type { Dialect } from './dialect.js';
import { MysqlDialect } from './mysql.dialect.js';
import { PortableDialect } from './portable.dialect.js';
import { PostgresDialect } from './postgres.dialect.js';
import { SqliteDialect } from './sqlite.dialect.js';

const SCHEMA_DIALECTS = { PostgreSQL: 'postgres', MySQL: 'mysql', MariaDB: 'mariadb', SQLite: 'sqlite' } as const;

/** SQLite by other drivers than better-sqlite3: one connection for everything, and answers that come later. */
const OTHER_SQLITE = new Set(['sqlite', 'sqljs', 'capacitor', 'cordova', 'expo', 'nativescript', 'react-native']);

/**
 * The dialect of a data source.
 *
 * @param dataSource The open data source; null before, when only what the dialect can do is of interest.
 * @throws InvalidOptionError When the options do not fit the database.
 */
export function createDialect(options: ResolvedOptions, dataSource: DataSource | null): Dialect {
  const { names, database, lockMode, notify, source } = options;
  const { type } = database;
  if (type === 'mongodb')
    throw new InvalidOptionError('database', type, 'a SQL database; use mongooseStore for MongoDB');
  const isSqlite = OTHER_SQLITE.has(type);
  if (isSqlite && 'dataSource' in source) {
    const allowed = `the option database, since the application's transactions on a data source of "${type}" would mix with the store's`;
    throw new InvalidOptionError('dataSource', type, allowed);
  }
  if (type === 'better-sqlite3' && names.schema !== null) {
    throw new InvalidOptionError('schema', names.schema, 'no schema: SQLite has none');
  }
  if (lockMode === 'auto') {
    if (type === 'postgres') return new PostgresDialect(names, notify);
    if (type === 'mysql' || type === 'mariadb') return new MysqlDialect(names, notify);
    if (type === 'better-sqlite3') return new SqliteDialect(names, isInMemory(database), notify);
  }
  if (type === 'better-sqlite3') {
    throw new InvalidOptionError('lockMode', lockMode, '"auto": better-sqlite3 runs a transaction in one go');
  }
  const driver = dataSource?.driver;
  return new PortableDialect(names, {
    type,
    isSqlite,
    coordination: type === 'sqljs' ? 'process' : isSqlite ? 'host' : 'cluster',
    durable: type !== 'sqljs' || Boolean((database as { autoSave?: boolean }).autoSave),
    quote: (name) => driver?.escape(name) ?? name,
    parameter: (index) => driver?.createParameter(`p${index}`, index) ?? '?',
  });
}

/**
 * Which statements make the tables; null to let TypeORM write them.
 *
 * @param version What the database is; null for what TypeORM alone knows.
 */
export function schemaDialectOf(version: ServerVersion | null): SchemaDialect | null {
  return version && SCHEMA_DIALECTS[version.product];
}

function isInMemory(options: DataSourceOptions): boolean {
  return ['', ':memory:'].includes(String(options.database));
}
