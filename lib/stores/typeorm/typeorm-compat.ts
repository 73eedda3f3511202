// Everything that differs between TypeORM 0.3 and 1, and everything of it that its types do not show.
import { createHash } from 'node:crypto';
import type { Duplex } from 'node:stream';
import type { DataSource, EntityManager, QueryRunner } from 'typeorm';

/** What the store needs of better-sqlite3's `Database`. */
export interface SqliteConnection {
  readonly inTransaction: boolean;
  prepare(text: string): SqliteStatement;
  pragma(text: string): unknown;
}

/** What the store needs of better-sqlite3's `Statement`. */
export interface SqliteStatement {
  /** Whether it gives rows. */
  readonly reader: boolean;
  run(...parameters: unknown[]): { changes: number };
  all(...parameters: unknown[]): unknown[];
  /** Gives rows as arrays from now on. */
  raw(isOn: boolean): unknown;
  columns(): readonly { readonly name: string }[];
}

/** The connection under a data source of better-sqlite3: TypeORM has one, whatever is asked of it at the same time. */
export function sqliteConnection(dataSource: DataSource): SqliteConnection {
  return (dataSource.driver as unknown as { databaseConnection: SqliteConnection }).databaseConnection;
}

/** The data source of an entity manager: `dataSource` since TypeORM 1, `connection` before. */
export function dataSourceOf(manager: EntityManager): DataSource | undefined {
  const { dataSource, connection } = manager as unknown as { dataSource?: DataSource; connection?: DataSource };
  return dataSource ?? connection;
}

/** What the store needs of a client of pg. */
export interface PostgresClient {
  readonly connection: { readonly stream: Duplex };
  connect(): Promise<unknown>;
  query(text: string): Promise<unknown>;
  end(): Promise<void>;
  on(event: 'error', listener: (error: Error) => void): unknown;
  on(event: 'end', listener: () => void): unknown;
  on(event: 'notification', listener: (message: { channel: string; payload?: string }) => void): unknown;
}

/** After how long without a word the system asks whether the other end is there, in milliseconds. */
const KEEP_ALIVE_MS = 5_000;

/** A client of its own beside the data source's pool, with the same settings and by the same copy of pg. */
export function createPostgresClient(dataSource: DataSource): PostgresClient {
  const { postgres, master } = dataSource.driver as unknown as {
    postgres: { Client: new (options: object) => PostgresClient };
    master: { options: object };
  };
  // The socket is watched by the system, since a connection that only listens never finds out that it is dead.
  return new postgres.Client({ ...master.options, keepAlive: true, keepAliveInitialDelayMillis: KEEP_ALIVE_MS });
}

/** What {@link keepAliveThroughErrors} needs of a pool of pg. */
interface PostgresPool {
  on(event: 'connect', listener: (client: PostgresClient) => void): unknown;
}

/** The pools whose clients are looked after: several stores may share a data source. */
const guardedPools = new WeakSet<PostgresPool>();

/**
 * Keeps this process alive when PostgreSQL ends a connection at a bad moment. A client of pg that has an error and no listener
 * for it ends the process, and one that has just connected has none until TypeORM attaches its own, some microtasks later:
 * a server that shuts down then says so in the same packet in which it said that it is ready. The operation fails all the
 * same, and the pool does not keep the client.
 */
export function keepAliveThroughErrors(dataSource: DataSource): void {
  if (!['postgres', 'cockroachdb'].includes(dataSource.options.type)) return;
  const { master } = dataSource.driver as unknown as { master: PostgresPool };
  if (guardedPools.has(master)) return;
  guardedPools.add(master);
  master.on('connect', (client) => client.on('error', () => {}));
}

/** What {@link onConnection} needs of the pools of pg and mysql2, and {@link destroyConnections} of what is in them. */
interface Pool {
  on(event: 'connect' | 'connection', listener: (connection: RawConnection) => void): unknown;
  removeListener(event: 'connect' | 'connection', listener: (connection: RawConnection) => void): unknown;
  readonly _clients?: readonly RawConnection[];
  readonly _allConnections?: { toArray?(): readonly RawConnection[] };
}

function poolOf(dataSource: DataSource): Pool | null {
  const { master, pool } = dataSource.driver as unknown as { master?: Pool; pool?: Pool };
  if (dataSource.options.type === 'postgres') return master ?? null;
  return dataSource.options.type === 'mysql' || dataSource.options.type === 'mariadb' ? (pool ?? null) : null;
}

/**
 * Calls `listener` with each connection that the pool of a data source makes from now on; other data sources have no pool.
 *
 * @returns What ends that.
 */
export function onConnection(dataSource: DataSource, listener: (connection: object) => void): () => void {
  const pool = poolOf(dataSource);
  const event = dataSource.options.type === 'postgres' ? 'connect' : 'connection';
  pool?.on(event, listener);
  return () => void pool?.removeListener(event, listener);
}

/** The connection of a runner that is connected, as the pool has it; null where there is none. */
export function connectionOf(runner: QueryRunner): object | null {
  return (runner as unknown as { databaseConnection?: object }).databaseConnection ?? null;
}

/** What ends the connections that a data source has now without a word to the server, which may be silent. */
export function destroyerOf(dataSource: DataSource): () => void {
  const pool = poolOf(dataSource);
  const connections = [...(pool?._clients ?? pool?._allConnections?.toArray?.() ?? [])];
  return () => {
    for (const connection of connections) destroy(connection);
  };
}

function destroy({ connection, stream }: RawConnection): void {
  (connection?.stream ?? stream)?.destroy?.();
}

/** What is asked of pg itself. */
interface PostgresStatement {
  readonly text: string;
  readonly values: unknown[];
  /** Whether the connection keeps it prepared. */
  readonly isPrepared?: boolean;
}

/** What {@link queryPostgres} needs of a client of pg. */
interface QueryingClient {
  readonly pipeline?: boolean;
  readonly connection: { readonly stream: Duplex };
  query(statement: { name?: string; text: string; values?: unknown[] }): Promise<{
    rows: Record<string, unknown>[];
    rowCount: number | null;
  }>;
}

/** Whether the client of a runner that is connected sends without waiting for earlier answers. */
export function isPipelined(runner: QueryRunner): boolean {
  return clientOf(runner).pipeline === true;
}

/**
 * Asks pg itself, on the connection of a runner that is connected; the application's log sees it all the same. The name of
 * a prepared statement follows from its text, so whoever shares the connection means the same by it.
 */
export function queryPostgres(runner: QueryRunner, { text, values, isPrepared = false }: PostgresStatement) {
  const { logger } = dataSourceOfRunner(runner);
  logger.logQuery(text, values, runner);
  // Without values it is what pg calls a simple query, which may be several statements.
  const given = values.length > 0 ? { values } : {};
  const answer = clientOf(runner).query({ text, ...given, ...(isPrepared && { name: nameOf(text) }) });
  answer.catch((error: unknown) => logger.logQueryError(error as Error, text, values, runner));
  return answer;
}

/** The names of the texts that are kept prepared, which are few: to hash one takes longer than to send it. */
const names = new Map<string, string>();

function nameOf(text: string): string {
  const known = names.get(text);
  if (known !== undefined) return known;
  const name = `asyncz_${createHash('sha256').update(text).digest('hex').slice(0, 32)}`;
  names.set(text, name);
  return name;
}

/** What a runner that is connected writes to. */
export function streamOf(runner: QueryRunner): Duplex {
  return clientOf(runner).connection.stream;
}

function clientOf(runner: QueryRunner): QueryingClient {
  return (runner as unknown as { databaseConnection: QueryingClient }).databaseConnection;
}

/** What {@link discard} knows of the connections of pg and mysql2. */
interface RawConnection {
  readonly connection?: { readonly stream?: { destroy?(): void } };
  readonly stream?: { destroy?(): void };
  destroy?(): void;
}

/** Gives up a connection that does not answer, so that the pool makes a new one. */
export function discard(runner: QueryRunner, reason: Error): void {
  const { databaseConnection, releasePostgresConnection } = runner as unknown as {
    databaseConnection?: RawConnection;
    releasePostgresConnection?: (reason: Error) => Promise<void>;
  };
  const ignore = () => {};
  if (!databaseConnection) {
    // It waits for the pool. What the pool gives it one day goes straight back.
    runner.connect().then(() => runner.release(), ignore);
    return;
  }
  releasePostgresConnection?.call(runner, reason).catch(ignore);
  databaseConnection.connection?.stream?.destroy?.();
  if (!releasePostgresConnection) databaseConnection.destroy?.();
}

/** The data source of a query runner: `dataSource` since TypeORM 1, `connection` before. */
export function dataSourceOfRunner(runner: QueryRunner): DataSource {
  const { dataSource, connection } = runner as unknown as { dataSource?: DataSource; connection?: DataSource };
  return (dataSource ?? connection)!;
}
