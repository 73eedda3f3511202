import type { DataSource, DataSourceOptions } from 'typeorm';
import { InvalidOptionError, rejectUnknownOptions } from '../../errors/input.errors.js';
import { namesOf } from '../../model/names.js';
import { parseDuration } from '../../model/duration.js';
import type { Duration } from '../../model/duration.js';
import { resolveConnectRetry } from '../connect-retry.js';
import type { ConnectRetry, ResolvedConnectRetry } from '../connect-retry.js';
import { parseDatabase } from './connection/database.options.js';
import { TableNames } from './schema/table.names.js';

/**
 * Options of a TypeORM store that have nothing to do with the connection.
 *
 * @publicApi
 */
export interface TypeormStoreSettings {
  /** What the names of the tables begin with: letters, digits and `_`, at most 40. @default 'asyncz' */
  readonly tableName?: string;
  /** The schema of the tables: letters, digits, `_`, `-` and `$`; on MySQL the database. The connection's own when left out. */
  readonly schema?: string;
  /**
   * Whether the store makes its tables when it starts.
   *
   * - `'if-missing'`: when they are not there. Needs no rights to do so once they are.
   * - `true`: runs the statements at every start; each does nothing when it finds what it makes.
   * - `false`: never; they come from a migration, or from `generateSchemaSql`.
   *
   * @default 'if-missing'
   */
  readonly createSchema?: boolean | 'if-missing';
  /** The name of the serializer. @default 'json' */
  readonly serializer?: string;
  /** False to keep payloads in clear although the scheduler has keys. @default true */
  readonly encrypt?: boolean;
  /** Waits for a server that is down at the start, instead of failing at once. */
  readonly connectRetry?: ConnectRetry;
  /**
   * How schedulers keep out of each other's way: `'auto'` takes what the database does best, `'compare-and-set'` the way
   * that works on every one.
   *
   * @default 'auto'
   */
  readonly lockMode?: 'auto' | 'compare-and-set';
  /**
   * Whether to wake other processes: on PostgreSQL by NOTIFY, over one connection more, on MySQL and MariaDB by a named lock,
   * over two, beside an SQLite file by files in a folder. Turn it off behind a pooler that gives each transaction another
   * connection. @default true
   */
  readonly notify?: boolean;
  /**
   * How long one operation may take before its connection is given up: milliseconds, or text such as `'30s'`. Those that go
   * through a whole table may take six times as long.
   *
   * @default '10s'
   */
  readonly operationTimeout?: Duration;
}

/**
 * Options of {@link TypeormStore}: a data source of the application, or a database that the store connects to itself.
 *
 * @publicApi
 */
export interface TypeormStoreOptions extends TypeormStoreSettings {
  /** The application's data source. The store closes it only when it had to open it. */
  readonly dataSource?: DataSource;
  /**
   * Where to connect to: `postgres://user:password@host:port/database`, `mysql://…`, `mariadb://…`, `sqlite:./file.db`, or
   * any options of a TypeORM `DataSource`.
   */
  readonly database?: string | DataSourceOptions;
  /** The same as a `database` that is text. */
  readonly url?: string;
}

/** What a store works with: every field filled in and checked. */
export interface ResolvedOptions {
  /** The application's data source, or the options of one to make. */
  readonly source: { readonly dataSource: DataSource } | { readonly options: DataSourceOptions };
  /** The options of either. */
  readonly database: DataSourceOptions;
  readonly names: TableNames;
  readonly createSchema: boolean | 'if-missing';
  readonly serializer: string | undefined;
  readonly encrypt: boolean | undefined;
  readonly connectRetry: ResolvedConnectRetry;
  readonly lockMode: 'auto' | 'compare-and-set';
  readonly notify: boolean;
  readonly timeoutMs: number;
}

/** Every option that is not about the connection. */
export const SETTINGS = namesOf<keyof TypeormStoreSettings>({
  tableName: 0,
  schema: 0,
  createSchema: 0,
  serializer: 0,
  encrypt: 0,
  connectRetry: 0,
  lockMode: 0,
  notify: 0,
  operationTimeout: 0,
});

const OPTIONS = [
  ...SETTINGS,
  ...namesOf<Exclude<keyof TypeormStoreOptions, keyof TypeormStoreSettings>>({ dataSource: 0, database: 0, url: 0 }),
];

const DEFAULT_TABLE_NAME = 'asyncz';
const DEFAULT_TIMEOUT_MS = 10_000;

/** The longest name of an index made of it stays below PostgreSQL's 63 characters. */
const MAX_NAME_LENGTH = 40;

/**
 * Checks the options and fills in what is missing.
 *
 * @throws UnknownOptionError For an option that there is not.
 * @throws InvalidOptionError For a value that is not allowed, and for options that contradict each other.
 */
export function resolveOptions(options: TypeormStoreOptions): ResolvedOptions {
  rejectUnknownOptions('TypeormStore', options, OPTIONS);
  const { createSchema = 'if-missing', lockMode = 'auto', notify = true, serializer, encrypt } = options;
  if (![true, false, 'if-missing'].includes(createSchema)) {
    throw new InvalidOptionError('createSchema', createSchema, 'true, false or "if-missing"');
  }
  if (!['auto', 'compare-and-set'].includes(lockMode)) {
    throw new InvalidOptionError('lockMode', lockMode, '"auto" or "compare-and-set"');
  }
  for (const [name, value] of Object.entries({ notify, encrypt })) {
    if (value !== undefined && typeof value !== 'boolean') throw new InvalidOptionError(name, value, 'true or false');
  }
  return {
    ...resolveSource(options),
    names: resolveNames(options),
    createSchema,
    serializer,
    encrypt,
    connectRetry: resolveConnectRetry(options.connectRetry),
    lockMode,
    notify,
    timeoutMs: resolveDuration('operationTimeout', options.operationTimeout ?? DEFAULT_TIMEOUT_MS, 1),
  };
}

function resolveSource({
  dataSource,
  database,
  url,
}: TypeormStoreOptions): Pick<ResolvedOptions, 'source' | 'database'> {
  const given = Object.entries({ dataSource, database, url }).filter(([, value]) => value !== undefined);
  if (given.length > 1) {
    throw new InvalidOptionError(given[1]![0], 'given', 'one of dataSource, database and url alone');
  }
  if (dataSource !== undefined) {
    // Not instanceof: the application may have another copy of TypeORM.
    if (typeof dataSource?.createQueryRunner !== 'function') {
      throw new InvalidOptionError('dataSource', typeof dataSource, 'a DataSource of TypeORM');
    }
    return { source: { dataSource }, database: dataSource.options };
  }
  if (url !== undefined && typeof url !== 'string') throw new InvalidOptionError('url', typeof url, 'a text');
  const options = parseDatabase(database ?? url);
  return { source: { options }, database: options };
}

/** Checks what the names of tables are made of. */
export function resolveNames({ tableName = DEFAULT_TABLE_NAME, schema }: TypeormStoreSettings): TableNames {
  if (typeof tableName !== 'string' || !/^[A-Za-z_]\w*$/.test(tableName) || tableName.length > MAX_NAME_LENGTH) {
    const allowed = `1 to ${MAX_NAME_LENGTH} letters, digits and "_", not a digit first`;
    throw new InvalidOptionError('tableName', tableName, allowed);
  }
  // It is the application's own, and quoted wherever it stands.
  if (schema !== undefined && (typeof schema !== 'string' || !/^[\w$-]{1,63}$/.test(schema))) {
    throw new InvalidOptionError('schema', schema, '1 to 63 letters, digits, "_", "-" and "$"');
  }
  return new TableNames(tableName, schema ?? null);
}

function resolveDuration(option: string, value: Duration, least: number): number {
  const ms = parseDuration(value);
  if (ms === null || ms < least) {
    throw new InvalidOptionError(option, value, `${least} or more milliseconds, or text such as "2s"`);
  }
  return ms;
}
