import type { DataSource, EntityManager } from 'typeorm';
import { TaskConflictError, VersionConflictError } from '../../errors/task.errors.js';
import type {
  PageRequest,
  StoredRunFilter,
  StoredRunPage,
  RunPageRequest,
  StoredTaskFilter,
  StoredTaskPage,
  TaskSort,
} from '../../model/query.js';
import type { StoreFinding } from '../../model/finding.js';
import type {
  JournalEntry,
  JournalPageRequest,
  PruneJournalOptions,
  StoredJournalFilter,
  StoredJournalPage,
} from '../../model/journal.js';
import type { RunRecord } from '../../model/run.js';
import type { SchedulerInstance } from '../../model/scheduler-instance.js';
import type { StartTaskKind, StartTaskPage, StartTaskPageRequest } from '../../model/start-tasks.js';
import { INTERNAL_HANDLER } from '../../model/definition.js';
import type { StoredTask, TaskRecord } from '../../model/task.js';
import { assertReplaceable } from '../assert-replaceable.js';
import { BaseStore } from '../base.store.js';
import { distinctIds } from '../distinct-ids.js';
import { Mutex } from '../mutex.js';
import type {
  AddOptions,
  JournalOptions,
  PruneOptions,
  StoreCapabilities,
  StoreContext,
  Transacted,
  TransactOptions,
} from '../store.interface.js';
import type { DueFilter, Selection } from '../selection.interface.js';
import type { Exchange, Exchanged } from '../exchange.interface.js';
import { undoOnFailure } from '../undo-on-failure.js';
import type { Apply } from '../../model/change.js';
import { addWithin, inCallers, transactWithin } from './caller.transaction.js';
import { addressOf } from './connection/address.js';
import { createDialect } from './dialects/dialect.factory.js';
import { PortableDialect } from './dialects/portable.dialect.js';
import { appendEntries, insertJournaled, pageOfJournal, pruneJournal, removeJournaled } from './journal.rows.js';
import { OpenDatabase } from './open.database.js';
import { readMembers, removeMember, saveMember } from './member.rows.js';
import { countDue, pageOfStartTasks, queryPage } from './task.pages.js';
import { pageOfRuns, saveRuns } from './run.pages.js';
import { isStorable } from './sql/columns.js';
import { encodeEntries } from './sql/journal.sql.js';
import type { Pace } from './sql/session.js';
import { all, once, rowCount, sql } from './sql/sql.js';
import type { Script, Sql } from './sql/sql.js';
import { transactByVersion } from './transact/comparing.transact.js';
import { exchangeLocked } from './transact/locked.exchange.js';
import { transactLocked } from './transact/locking.transact.js';
import { exchangeInPostgres } from './transact/postgres.exchange.js';
import { resolveOptions } from './typeorm.options.js';
import type { ResolvedOptions, TypeormStoreOptions } from './typeorm.options.js';
import { WakeSignal } from './wake.signal.js';

/** A step with more tasks than this may take as long as one that goes through a whole table. */
const MANY = 1_000;

/**
 * Keeps tasks in a SQL database through TypeORM: PostgreSQL, MySQL 8 and MariaDB, SQLite, and by a general path whatever
 * else TypeORM connects to. In a NestJS application use `typeormStore()`, which injects the application's data source.
 *
 * @publicApi
 */
export class TypeormStore extends BaseStore {
  /** Whether wake-ups are pushed is known when the store has started. */
  override capabilities: StoreCapabilities;

  readonly #options: ResolvedOptions;
  readonly #signal = new WakeSignal();
  readonly #lock = new Mutex();
  #database: OpenDatabase | null = null;

  /**
   * @throws UnknownOptionError For an option that there is not.
   * @throws InvalidOptionError For a value that is not allowed, and for options that contradict each other.
   */
  constructor(options: TypeormStoreOptions) {
    super();
    this.#options = resolveOptions(options);
    this.capabilities = createDialect(this.#options, null).capabilities;
  }

  get address(): string {
    return addressOf(this.#options.database);
  }

  /**
   * Connects, and makes the tables unless `createSchema` is false.
   *
   * @throws StoreUnavailableError With the address and the reason.
   */
  override async start(context: StoreContext): Promise<void> {
    await super.start(context);
    this.#database = await undoOnFailure(
      () => super.shutdown(),
      () => OpenDatabase.open(this.#options, context, () => this.#signal.fire(context.logger)),
    );
    const { dialect, isListening } = this.#database;
    this.capabilities = { ...dialect.capabilities, ...(!isListening && { wakeUp: 'polled' as const }) };
  }

  /** Closes the connection when the store opened it. */
  override async shutdown(): Promise<void> {
    const database = this.#database;
    this.#database = null;
    this.#signal.stop();
    await super.shutdown();
    await database?.close();
  }

  /** The data source, while the store is started. A transaction of it can take `addTask` in. */
  get dataSource(): DataSource {
    return this.#db.dataSource;
  }

  override now(): Promise<number> {
    const { session, dialect, clock } = this.#db;
    return session.read(() => dialect.readNow(clock));
  }

  /** @throws InvalidOptionError When `transaction` is not one of the store's data source. */
  override async addTask(task: TaskRecord, options: AddOptions = {}): Promise<void> {
    const isAlone = options.transaction === undefined && !options.journal?.length;
    const conflicts = await (isAlone ? this.#db.insert(task) : this.addTasks([task], options));
    if (conflicts.length > 0) throw new TaskConflictError(task.id);
    this.#db.reader.forget(task.id);
  }

  /** @throws InvalidOptionError When `transaction` is not one of the store's data source. */
  override async addTasks(tasks: readonly TaskRecord[], options: AddOptions = {}): Promise<readonly string[]> {
    const { codec, reader } = this.#db;
    const { distinct, repeated } = distinctIds(tasks);
    if (distinct.length === 0) return repeated;
    const rows = distinct.map((task) => codec.encodeTask(task));
    const { transaction, journal = [] } = options;
    const insertAll = () =>
      journal.length === 0 ? this.#db.insertAll(rows) : insertJournaled(this.#db, rows, journal);
    const taken = await (transaction === undefined
      ? insertAll()
      : inCallers(this.#db, this.#signal, transaction, (runner) =>
          addWithin(this.#db, runner, rows, encodeEntries(codec, journal)),
        ));
    for (const { id } of rows) reader.forget(id);
    if (transaction === undefined && taken.length < rows.length) this.tellOf(distinct);
    return [...repeated, ...taken];
  }

  override async lookupTask(id: string): Promise<StoredTask | null> {
    if (!isStorable(id)) return null;
    const { dialect, reader } = this.#db;
    const [record] = await this.#select(
      sql`SELECT ${dialect.taskColumns} FROM ${dialect.tasks} WHERE ${dialect.oneOf(sql`id`, [id])}`,
    );
    return record ? reader.read(record) : null;
  }

  override async updateTask(task: TaskRecord, expectedVersion: number): Promise<void> {
    const { codec, session, dialect, reader } = this.#db;
    const row = codec.encodeTask(task);
    await session.transaction(function* () {
      const { records } = yield dialect.selectByIds([task.id]);
      assertReplaceable(task.id, records[0] ? reader.read(records[0]) : null, expectedVersion);
      const changed = yield* dialect.updateTasks([row]);
      // Where nothing is locked somebody may have come in between.
      if (changed === 0) throw new VersionConflictError(task.id, expectedVersion, expectedVersion + 1);
    });
    reader.forget(task.id);
  }

  override async deleteTask(id: string, { journal = [] }: JournalOptions = {}): Promise<boolean> {
    if (!isStorable(id)) return false;
    const { session, dialect, reader } = this.#db;
    const remove = () => dialect.deleteTasks([id]);
    const deleted = await (journal.length === 0 ? session.write(remove) : removeJournaled(this.#db, remove, journal));
    reader.forget(id);
    return deleted > 0;
  }

  override async removeAllTasks({ journal = [] }: JournalOptions = {}): Promise<number> {
    const { session, dialect, reader } = this.#db;
    const remove = function* (): Script<number> {
      const { affected } = yield sql`DELETE FROM ${dialect.tasks} WHERE handler <> ${INTERNAL_HANDLER}`;
      return affected;
    };
    const removed = await (journal.length === 0
      ? session.write(remove, 'long')
      : removeJournaled(this.#db, remove, journal, true));
    reader.forgetAll();
    return removed;
  }

  override async getAllTasks(): Promise<readonly StoredTask[]> {
    const { dialect, reader } = this.#db;
    const records = await this.#select(sql`SELECT ${dialect.taskColumns} FROM ${dialect.tasks}`, 'long');
    return this.sorted(records.map((record) => reader.read(record)));
  }

  override async getDueTasks(now: number): Promise<readonly TaskRecord[]> {
    const { dialect, reader } = this.#db;
    const conditions = [dialect.isDueBy(sql`${now}`), ...dialect.runnable(reader.dueQuery({ handlers: null }))];
    const records = await this.#select(
      sql`SELECT ${dialect.taskColumns} FROM ${dialect.tasks} WHERE ${all(conditions)} ORDER BY priority, due_at, id`,
      'long',
    );
    return reader.readAll(records).tasks;
  }

  override getNextRunTime(): Promise<number | null> {
    return this.nextDueFor({ handlers: null });
  }

  override nextDueFor(filter: DueFilter): Promise<number | null> {
    const { session, dialect, reader, clock } = this.#db;
    if (filter.handlers?.length === 0) return Promise.resolve(null);
    const ask = () => dialect.nextDue(reader.dueQuery(filter), clock);
    return dialect.walksInTransaction ? session.transaction(ask) : session.read(ask);
  }

  override countDue(now: number, atMost: number): Promise<number> {
    return countDue(this.#db, now, atMost);
  }

  /** @throws InvalidOptionError When `transaction` is not one of the store's data source. */
  override async transact<T>(
    selection: Selection,
    apply: Apply<T>,
    { transaction }: TransactOptions = {},
  ): Promise<Transacted<T>> {
    const database = this.#db;
    if (transaction !== undefined) {
      return inCallers(database, this.#signal, transaction, (runner) =>
        transactWithin(database, runner, selection, apply),
      );
    }
    const { session, dialect, context } = database;
    if ('ids' in selection && selection.ids.length === 0) {
      return { committed: [], left: [], missing: [], unreadable: [], failed: [], storeNow: await this.now() };
    }
    if (!(dialect instanceof PortableDialect)) {
      const pace = 'ids' in selection && selection.ids.length > MANY ? 'long' : 'short';
      return session.transaction(() => transactLocked(database, selection, apply), pace);
    }
    const comparing = { dialect, reader: database.reader, codec: database.codec, clock: database.clock };
    // One at a time, or the schedulers' loops of one process would make each other try again.
    return this.#lock.run(() => transactByVersion(comparing, session, context.clock, selection, apply));
  }

  /** Runs `work` in a transaction of the data source, one after another where that has one connection. */
  transaction<T>(work: (transaction: EntityManager) => Promise<T>): Promise<T> {
    return this.#db.session.callers(work);
  }

  override async exchange(asked: Exchange): Promise<Exchanged> {
    const database = this.#db;
    if (database.speaksPostgres()) return exchangeInPostgres(database, this, asked);
    return database.locksRows() ? exchangeLocked(database, this, asked) : super.exchange(asked);
  }

  override query(filter: StoredTaskFilter, sort: TaskSort, page: PageRequest): Promise<StoredTaskPage> {
    return queryPage(this.#db, filter, sort, page);
  }

  override startTasks(kind: StartTaskKind, page: StartTaskPageRequest): Promise<StartTaskPage> {
    return pageOfStartTasks(this.#db, kind, page);
  }

  override runs(filter: StoredRunFilter, page: RunPageRequest): Promise<StoredRunPage> {
    return pageOfRuns(this.#db, filter, page);
  }

  override saveRuns(runs: readonly RunRecord[]): Promise<void> {
    return saveRuns(this.#db, runs);
  }

  override pruneRuns(options: PruneOptions): Promise<number> {
    const { session, dialect } = this.#db;
    return session.transaction(() => dialect.pruneRuns({ ...options, limit: rowCount(options.limit) }), 'long');
  }

  override appendJournal(entries: readonly JournalEntry[]): Promise<void> {
    return appendEntries(this.#db, entries);
  }

  override journal(filter: StoredJournalFilter, page: JournalPageRequest): Promise<StoredJournalPage> {
    return pageOfJournal(this.#db, filter, page);
  }

  override pruneJournal(options: PruneJournalOptions): Promise<number> {
    return pruneJournal(this.#db, options);
  }

  override heartbeat(instance: SchedulerInstance): Promise<void> {
    return saveMember(this.#db, instance);
  }

  override retire(identity: string): Promise<void> {
    return removeMember(this.#db, identity);
  }

  override schedulers(): Promise<readonly SchedulerInstance[]> {
    return readMembers(this.#db);
  }

  inspect(): Promise<readonly StoreFinding[]> {
    return this.#db.findings();
  }

  override onWake(listener: () => void): () => void {
    return this.#signal.add(listener);
  }

  override wake(_at: number): Promise<void> {
    return this.#database?.notify() ?? Promise.resolve();
  }

  async #select(statement: Sql, pace?: Pace) {
    return (await this.#db.session.read(() => once(statement), pace)).records;
  }

  get #db(): OpenDatabase {
    // The context says, where there is none, that the store was not started.
    void this.context;
    return this.#database!;
  }
}
