import type { DataSourceOptions } from 'typeorm';
import { InvalidOptionError } from '../../../errors/input.errors.js';
import type { SqliteConnection } from '../typeorm-compat.js';

const ALLOWED =
  'postgres://user:password@host:port/database, mysql://…, mariadb://…, sqlite:./file.db, or the options of a DataSource';

/** TypeORM's types by the scheme of a URL. */
const SCHEMES: Readonly<Record<string, 'postgres' | 'mysql' | 'mariadb' | 'cockroachdb' | 'mssql'>> = {
  postgres: 'postgres',
  postgresql: 'postgres',
  mysql: 'mysql',
  mariadb: 'mariadb',
  cockroachdb: 'cockroachdb',
  mssql: 'mssql',
};

/**
 * How long SQLite itself waits for another process, in milliseconds. Short, because the whole process waits with it; the
 * store then waits by itself and tries again.
 */
const SQLITE_BUSY_TIMEOUT_MS = 10;

/** How long a connection that the store makes itself may take, in milliseconds. */
const CONNECT_TIMEOUT_MS = 10_000;

/**
 * The options of a data source that the store opens itself.
 *
 * @throws InvalidOptionError Without the password, when it cannot be one.
 */
export function parseDatabase(database: unknown): DataSourceOptions {
  if (typeof database === 'object' && database !== null && typeof (database as DataSourceOptions).type === 'string') {
    return withDefaults(database as DataSourceOptions);
  }
  if (typeof database !== 'string') throw new InvalidOptionError('database', kindOf(database), ALLOWED);
  const scheme = /^([a-z0-9]+):/i.exec(database)?.[1]?.toLowerCase() ?? '';
  if (scheme === 'sqlite') return withDefaults({ type: 'better-sqlite3', database: sqliteFile(database) });
  const type = SCHEMES[scheme];
  if (!type || !URL.canParse(database) || !database.includes('://')) {
    // Whatever stands before an "@" may be a password.
    throw new InvalidOptionError('database', database.replace(/^([a-z0-9]*:?).*@/is, '$1***@'), ALLOWED);
  }
  // TypeORM reads the type of the driver from the URL's scheme as well.
  return withDefaults({ type, url: database.replace(/^[a-z0-9]+:/i, `${type}:`) } as DataSourceOptions);
}

/** Not the value: it may hold a password. */
function kindOf(value: unknown): string {
  if (value === undefined) return 'nothing, and no dataSource';
  return typeof value === 'object' ? 'an object without a type' : typeof value;
}

function sqliteFile(url: string): string {
  const path = url.slice('sqlite:'.length).replace(/^\/\//, '');
  if (path === '') throw new InvalidOptionError('database', url, 'sqlite:./file.db or sqlite::memory:');
  return path;
}

function withDefaults(options: DataSourceOptions): DataSourceOptions {
  if (options.type === 'postgres') {
    // The first is what pg 8.23 and later knows: see PostgresSession. Without the second, pg waits for ever.
    const extra = { pipeline: true, connectionTimeoutMillis: options.connectTimeoutMS ?? CONNECT_TIMEOUT_MS };
    return { ...options, extra: { ...extra, ...(options.extra as object) } };
  }
  if (options.type === 'cockroachdb') {
    return { ...options, extra: { connectionTimeoutMillis: CONNECT_TIMEOUT_MS, ...(options.extra as object) } };
  }
  if (options.type === 'mysql' || options.type === 'mariadb') return { connectTimeout: CONNECT_TIMEOUT_MS, ...options };
  if (options.type !== 'better-sqlite3') return options;
  return {
    enableWAL: true,
    timeout: SQLITE_BUSY_TIMEOUT_MS,
    ...options,
    prepareDatabase: async (connection: SqliteConnection) => {
      // What was acknowledged survives a power failure too. In WAL mode better-sqlite3's own default does not promise it.
      connection.pragma('synchronous = FULL');
      await options.prepareDatabase?.(connection);
    },
  };
}
