import { createHash, randomUUID } from 'node:crypto';
import type { DataSource } from 'typeorm';
import { StoreUnavailableError } from '../../errors/store.errors.js';
import { MACHINE } from '../../model/clock.js';
import type { StoreFinding } from '../../model/finding.js';
import type { TaskRecord } from '../../model/task.js';
import type { TaskCodec, TaskRow } from '../../persistence/codec.interface.js';
import { CoalescedWork } from '../coalesced-work.js';
import { connectWithRetry } from '../connect-retry.js';
import type { StoreContext } from '../store.interface.js';
import { undoOnFailure } from '../undo-on-failure.js';
import { Connection } from './connection/connection.js';
import { PooledConnections } from './connection/pooled.connections.js';
import { PostgresListener } from './connection/postgres.listener.js';
import { versionOf, versionProblem } from './connection/server.version.js';
import type { ServerVersion } from './connection/server.version.js';
import type { Dialect } from './dialects/dialect.js';
import { createDialect, schemaDialectOf } from './dialects/dialect.factory.js';
import type { Bell } from './connection/bell.interface.js';
import { MysqlBell } from './connection/mysql.bell.js';
import { SqliteBell } from './connection/sqlite.bell.js';
import { LevelledDialect } from './dialects/levelled.dialect.js';
import { MysqlDialect } from './dialects/mysql.dialect.js';
import { PostgresDialect } from './dialects/postgres.dialect.js';
import { SqliteDialect } from './dialects/sqlite.dialect.js';
import { SchemaCreator } from './schema/schema.creator.js';
import { missingIndexes, notificationsLost, schemaOutdated } from './schema/schema.findings.js';
import { driverErrorOf, unavailable } from './sql/driver.error.js';
import { PoolSession } from './sql/pool.session.js';
import { PostgresSession } from './sql/postgres.session.js';
import type { Session } from './sql/session.js';
import { sql } from './sql/sql.js';
import type { Sql } from './sql/sql.js';
import { SqliteSession } from './sql/sqlite.session.js';
import { TaskReader } from './task.reader.js';
import type { TransactionContext } from './transact/changes.js';
import type { ResolvedOptions } from './typeorm.options.js';

/** How long a notification may take to come back at the start, in milliseconds. */
const ECHO_TIMEOUT_MS = 2_000;

/** Everything that is there from a store's start to its shutdown. */
export class OpenDatabase implements TransactionContext {
  readonly codec: TaskCodec;
  readonly reader: TaskReader;
  readonly clock: () => number;
  /** Tells one's own notifications from those of others. */
  readonly #sender = randomUUID();
  #listener: PostgresListener | null = null;
  #bell: Bell | null = null;
  #schema: SchemaCreator | null = null;
  /** Whether it was found at the start that notifications do not arrive. */
  #isDeaf = false;
  /** Called when a notification of this store's own has arrived. */
  #heard = () => {};
  /** The write under way that carries a notification. */
  #carrier: Promise<unknown> | null = null;
  readonly #notifications = new CoalescedWork(() => this.#notifyAll());

  private constructor(
    readonly connection: Connection,
    private readonly connections: PooledConnections,
    readonly dialect: Dialect,
    readonly session: Session,
    readonly options: ResolvedOptions,
    readonly context: StoreContext,
  ) {
    const { serializer, encrypt } = options;
    this.codec = context.createCodec({ serializer, encrypt });
    dialect.limitReads(this.codec.maxRecordBytes);
    this.reader = new TaskReader(this.codec, context);
    this.clock = () => Math.floor(context.clock.now());
  }

  /**
   * Connects, sees to the tables, and listens for wake-ups.
   *
   * @param onWake Called when another process says that something is due.
   * @throws StoreUnavailableError With the address and the reason.
   */
  static open(options: ResolvedOptions, context: StoreContext, onWake: () => void): Promise<OpenDatabase> {
    return connectWithRetry(options.connectRetry, context, () => OpenDatabase.#open(options, context, onWake));
  }

  static async #open(options: ResolvedOptions, context: StoreContext, onWake: () => void): Promise<OpenDatabase> {
    const connection = await Connection.open(options, context.readOnly);
    const { dataSource, address } = connection;
    const connections = new PooledConnections(dataSource, context.clock);
    const close = () => {
      connections.close();
      return connection.close();
    };
    return undoOnFailure(close, async () => {
      const dialect = createDialect(options, dataSource);
      const { timeoutMs } = options;
      const session =
        dialect instanceof SqliteDialect
          ? new SqliteSession(dataSource, dialect, address, context.clock, timeoutMs)
          : new (sessionClassOf(dialect))(dataSource, dialect, address, context.clock, timeoutMs, connections);
      const database = new OpenDatabase(connection, connections, dialect, session, options, context);
      connections.onSuspicion(() => {
        database.#listener?.renew();
        database.#bell?.renew();
      });
      await database.#ensureSchema(await database.#version());
      if (dialect.capabilities.wakeUp === 'pushed') await database.#listen(onWake);
      return database;
    });
  }

  speaksPostgres(): this is OpenDatabase & { readonly dialect: PostgresDialect } {
    return this.dialect instanceof PostgresDialect;
  }

  /** Whether it is MySQL, MariaDB, or SQLite through better-sqlite3. */
  locksRows(): this is OpenDatabase & { readonly dialect: LevelledDialect } {
    return this.dialect instanceof LevelledDialect;
  }

  /** Whether what others say arrives here. */
  get isListening(): boolean {
    return this.#listener !== null || this.#bell?.isHeard === true;
  }

  get dataSource(): DataSource {
    return this.connection.dataSource;
  }

  /** The expression that tells other processes that something is due; null where that cannot be said. */
  get notification(): Sql | null {
    return this.dialect.notify(this.#channel, this.#sender);
  }

  /**
   * Writes something that is due and tells the others with it. PostgreSQL commits what notifies one at a time, so of many
   * at once only the first carries its notification, and one notification is sent for all the rest.
   *
   * @param write Is given what it is to carry; null for nothing.
   */
  async tellWith<T>(write: (notification: Sql | null) => Promise<T>): Promise<T> {
    const { notification } = this;
    if (notification === null) {
      const written = await write(null);
      this.ring();
      return written;
    }
    if (this.#carrier || this.#notifications.running) {
      const written = await write(null);
      void this.notify();
      return written;
    }
    const carrier = write(notification);
    this.#carrier = carrier;
    try {
      return await carrier;
    } finally {
      this.#carrier = null;
    }
  }

  /** Adds a task, and tells the others, in one statement where there is one for both. Returns its id if that was taken. */
  insert(task: TaskRecord): Promise<readonly string[]> {
    const row = this.codec.encodeTask(task);
    const insert = (notification: Sql | null) => this.session.write(() => this.dialect.insertTask(row, notification));
    return row.dueAt === null ? insert(null) : this.tellWith(insert);
  }

  /** Adds tasks in one transaction. Returns the ids that were there already. */
  async insertAll(rows: readonly TaskRow[]): Promise<readonly string[]> {
    const { session, dialect } = this;
    try {
      return await session.transaction(() => dialect.insertNew(rows), 'long');
    } catch (error) {
      const cause = driverErrorOf(error);
      if (cause === null || !dialect.isDuplicate(cause)) throw error;
    }
    return session.transaction(() => dialect.insertTasks(rows), 'long');
  }

  /** Tells the others. Never rejects: they find out with their next poll. What is said while it is said is said once. */
  notify(): Promise<void> {
    if (this.notification !== null) return this.#notifications.ask();
    this.ring();
    return Promise.resolve();
  }

  /** Tells the others where a transaction cannot do it. */
  ring(): void {
    this.#bell?.ring();
  }

  async close(): Promise<void> {
    await this.#listener?.stop();
    await this.#bell?.close();
    this.connections.close();
    await this.connection.close();
  }

  async #notifyAll(): Promise<void> {
    const statement = sql`SELECT ${this.notification}`;
    // One notification for all that is added meanwhile.
    await this.#carrier?.catch(() => {});
    try {
      await this.session.write(function* () {
        yield statement;
      });
    } catch (error) {
      this.context.logger.debug(`A wake-up was not sent: ${(error as Error).message}`);
    }
  }

  /** @throws StoreUnavailableError When the server is older than what the statements need. */
  async #version(): Promise<ServerVersion | null> {
    const { address } = this.connection;
    let version: ServerVersion | null;
    try {
      version = await versionOf(this.dataSource);
    } catch (error) {
      throw unavailable(address, error);
    }
    const reason = version && versionProblem(version);
    if (reason !== null) throw new StoreUnavailableError(address, reason);
    return version;
  }

  async #ensureSchema(version: ServerVersion | null): Promise<void> {
    const { dataSource, session, dialect, options } = this;
    const { address } = this.connection;
    this.#schema = new SchemaCreator(dataSource, session, dialect, schemaDialectOf(version), address);
    await this.#schema.ensure(this.context.readOnly ? false : options.createSchema);
  }

  /** What is wrong with the tables, and whether notifications arrive. */
  async findings(): Promise<readonly StoreFinding[]> {
    const { session, schemaDialect, dialect } = this.#schema!;
    const missing = await this.#schema!.missing();
    const lost = this.#isDeaf ? [notificationsLost(this.connection.address)] : [];
    if (missing !== null) return [schemaOutdated(missing), ...lost];
    return [...(await missingIndexes(session, schemaDialect, dialect.names)), ...lost];
  }

  async #listen(onWake: () => void): Promise<void> {
    const { clock, logger } = this.context;
    this.#bell = this.#createBell(onWake);
    if (this.#bell) return this.#bell.open();
    const listener = new PostgresListener({
      dataSource: this.dataSource,
      channel: this.#channel,
      clock,
      logger,
      onNotification: (payload) => {
        if (payload === this.#sender) this.#heard();
        else onWake();
      },
    });
    this.#listener = listener;
    await listener.start();
    if (!listener.isListening || (await this.#hearsItself())) return;
    this.#isDeaf = true;
    const { what, why, advice } = notificationsLost(this.connection.address);
    logger.warn(`${what}: ${why}. ${advice}.`);
    this.#listener = null;
    await listener.stop();
  }

  #createBell(onRing: () => void): Bell | null {
    const { dialect, dataSource } = this;
    const { clock, logger } = this.context;
    if (dialect instanceof SqliteDialect)
      return new SqliteBell(String(dataSource.options.database), clock, logger, onRing);
    if (!(dialect instanceof MysqlDialect)) return null;
    return new MysqlBell({ dataSource, channel: this.#channel, clock, logger, onRing });
  }

  /** Whether what is said on one connection arrives on the one that listens: a pooler takes LISTEN and delivers nothing. */
  async #hearsItself(): Promise<boolean> {
    let cancel = () => {};
    const late = new Promise<boolean>((resolve) => {
      cancel = MACHINE.schedule(() => resolve(false), ECHO_TIMEOUT_MS);
    });
    const heard = new Promise<boolean>((resolve) => (this.#heard = () => resolve(true)));
    void this.notify();
    try {
      return await Promise.race([heard, late]);
    } finally {
      cancel();
      this.#heard = () => {};
    }
  }

  /** One for each set of tables. Names of channels are short, and the same for all schemas of a database. */
  get #channel(): string {
    const { prefix, schema } = this.dialect.names;
    const hash = createHash('sha256')
      .update(JSON.stringify([schema, prefix]))
      .digest('hex')
      .slice(0, 16);
    return `asyncz_${hash}`;
  }
}

function sessionClassOf(dialect: Dialect) {
  return dialect instanceof PostgresDialect ? PostgresSession : PoolSession;
}
