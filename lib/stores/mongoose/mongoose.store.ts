import type { mongo } from 'mongoose';
import { InvalidOptionError } from '../../errors/input.errors.js';
import { TaskConflictError, TaskNotFoundError, VersionConflictError } from '../../errors/task.errors.js';
import type { Page, RunFilter, RunPage, RunPageRequest, TaskFilter, TaskPage, TaskSort } from '../../model/query.js';
import type { RunRecord } from '../../model/run.js';
import type { SchedulerInstance } from '../../model/scheduler-instance.js';
import type { StoredTask, TaskRecord } from '../../model/task.js';
import { BaseStore } from '../base.store.js';
import type { AddOptions, Apply, Selection, StoreCapabilities, StoreContext, Transacted } from '../store.interface.js';
import { compareByDue } from '../task-query.js';
import { MongooseConnection } from './mongoose.connection.js';
import { ANY_NUMBER, collectionsOf, createIndexes, PRESENT } from './mongoose.documents.js';
import type { Collections } from './mongoose.documents.js';
import { isDuplicateKey, isDuplicateWrite, unavailable, writeErrorsOf } from './mongoose.errors.js';
import { resolveOptions } from './mongoose.options.js';
import type { MongooseStoreOptions, ResolvedOptions } from './mongoose.options.js';
import { MongooseOutbox } from './mongoose.outbox.js';
import { MongooseRunHistory } from './mongoose.run-history.js';
import { ServerClock } from './mongoose.server-clock.js';
import { MongooseTaskQuery } from './mongoose.task-query.js';
import { MongooseTasks } from './mongoose.tasks.js';
import { MongooseTransactor } from './mongoose.transaction.js';
import { ChangeStreamChannel } from './mongoose.wake-channel.js';
import { MongooseWakeUps } from './mongoose.wakeups.js';
import { newToken, writersWith } from './mongoose.writers.js';

/** How often a removal is tried while others write. */
const MAX_ROUNDS = 20;

/** What there is between start and shutdown. */
interface Opened {
  readonly connection: MongooseConnection;
  readonly collections: Collections;
  readonly clock: ServerClock;
  readonly tasks: MongooseTasks;
  readonly outbox: MongooseOutbox;
  readonly transactor: MongooseTransactor;
  readonly taskQuery: MongooseTaskQuery;
  readonly history: MongooseRunHistory;
  /** Only where the server has change streams. */
  readonly channel: ChangeStreamChannel | null;
  readonly wakeUps: MongooseWakeUps | null;
}

/**
 * Keeps tasks in MongoDB, for any number of processes, on a standalone server as well as on a replica set or a sharded
 * cluster. `docs/stores-mongoose.md` tells of collections, indexes, guarantees and limits.
 *
 * @publicApi
 */
export class MongooseStore extends BaseStore {
  /** What depends on the server is known when the store has started. */
  override capabilities: StoreCapabilities = {
    coordination: 'cluster',
    wakeUp: 'polled',
    transactionalAdds: false,
    durable: true,
  };

  readonly #options: ResolvedOptions;
  #opened: Opened | null = null;

  /**
   * @throws UnknownOptionError For an option that there is not.
   * @throws InvalidOptionError For a value that is not allowed.
   */
  constructor(options: MongooseStoreOptions) {
    super();
    this.#options = resolveOptions(options);
  }

  /** @throws StoreUnavailableError With the address and the reason, when the server cannot be reached or refuses. */
  override async start(context: StoreContext): Promise<void> {
    await super.start(context);
    try {
      await this.#open(context);
    } catch (error) {
      await super.shutdown();
      throw error;
    }
  }

  async #open(context: StoreContext): Promise<void> {
    const { clock, logger } = context;
    const { serializer, collection } = this.#options;
    const codec = context.createCodec(serializer === undefined ? {} : { serializer });
    const connection = await MongooseConnection.open(this.#options, clock);
    try {
      const { setName, msg } = await connection.hello();
      const hasOplog = setName !== undefined || msg === 'isdbgrid';
      const collections = collectionsOf(connection.database, collection);
      await createIndexes(collections, hasOplog);
      const serverClock = new ServerClock(() => connection.hello(), clock);
      const now = () => serverClock.now();
      const tasks = new MongooseTasks(collections.tasks, codec, (task) => context.reportUnreadable(task));
      const outbox = new MongooseOutbox(collections, logger);
      await outbox.sweepNowAndThen(await now());
      const channel = hasOplog ? new ChangeStreamChannel(collections.wakes, newToken(), now) : null;
      this.#opened = {
        connection,
        collections,
        clock: serverClock,
        tasks,
        outbox,
        transactor: new MongooseTransactor(tasks, outbox, now),
        taskQuery: new MongooseTaskQuery(tasks),
        history: new MongooseRunHistory(collections.runs, codec),
        channel,
        wakeUps: channel && new MongooseWakeUps(channel, clock, logger),
      };
      this.capabilities = {
        ...this.capabilities,
        wakeUp: hasOplog ? 'pushed' : 'polled',
        transactionalAdds: hasOplog,
      };
    } catch (error) {
      await connection.close();
      throw unavailable(connection.address, error);
    }
  }

  override async shutdown(): Promise<void> {
    const opened = this.#opened;
    this.#opened = null;
    await super.shutdown();
    await opened?.wakeUps?.close();
    await opened?.connection.close();
  }

  /** Runs an operation; errors of the driver come out as the contract has them. */
  async #run<T>(operation: (opened: Opened) => Promise<T>): Promise<T> {
    const opened = this.#opened;
    if (!opened) throw new Error('The MongoDB store was used before it was started, or after it was shut down.');
    try {
      return await operation(opened);
    } catch (error) {
      throw unavailable(opened.connection.address, error);
    }
  }

  /** The server's clock. */
  override now(): Promise<number> {
    return this.#run(({ clock }) => clock.now());
  }

  /**
   * @param options `transaction`: a `ClientSession` of the store's own connection, in a transaction.
   * @throws TaskConflictError When the id is there already.
   * @throws InvalidOptionError For a `transaction` where the server has none.
   */
  async addTask(task: TaskRecord, { transaction }: AddOptions = {}): Promise<void> {
    if (transaction !== undefined) return this.#addInTransaction(task, transaction as mongo.ClientSession);
    if ((await this.addTasks([task])).length > 0) throw new TaskConflictError(task.id);
  }

  #addInTransaction(task: TaskRecord, session: mongo.ClientSession): Promise<void> {
    return this.#run(async ({ tasks, channel }) => {
      if (channel === null || typeof session?.inTransaction !== 'function') {
        throw new InvalidOptionError(
          'transaction',
          typeof session,
          'a ClientSession, where the server is a replica set or a sharded cluster',
        );
      }
      const document = tasks.documentOf(task);
      try {
        await tasks.collection.insertOne(document, { session });
      } catch (error) {
        throw isDuplicateKey(error) ? new TaskConflictError(task.id) : error;
      }
      if (document.dueAt !== null) await channel.sendIn(session, document.dueAt);
    });
  }

  override addTasks(records: readonly TaskRecord[]): Promise<readonly string[]> {
    return this.#run(async ({ tasks, outbox }) => {
      const conflicts: string[] = [];
      const first = new Map<string, TaskRecord>();
      for (const task of records) {
        if (first.has(task.id)) conflicts.push(task.id);
        else first.set(task.id, task);
      }
      const documents = [...first.values()].map((task) => tasks.documentOf(task));
      const there = await insertNew(tasks.collection, documents);
      if (there.length === 0) return conflicts;
      // A task that is being removed this very moment is not there any more.
      const removed = { _id: { $in: there.map(({ _id }) => _id) }, gone: true as const };
      await outbox.sweep(removed);
      const again = await insertNew(tasks.collection, there);
      return [...conflicts, ...again.map(({ _id }) => _id)];
    });
  }

  lookupTask(id: string): Promise<StoredTask | null> {
    return this.#run(async ({ tasks }) => {
      const document = await tasks.collection.findOne({ _id: id });
      return document && !document.gone ? tasks.decode(document) : null;
    });
  }

  updateTask(task: TaskRecord, expectedVersion: number): Promise<void> {
    return this.#run(async ({ tasks }) => {
      const { collection } = tasks;
      const fields = tasks.changed(task, null);
      const projection = { version: 1, writers: 1, gone: 1 };
      for (;;) {
        const found = await collection.findOne({ _id: task.id }, { projection });
        if (!found || found.gone) throw new TaskNotFoundError(task.id);
        if (found.version !== expectedVersion) {
          throw new VersionConflictError(task.id, expectedVersion, found.version);
        }
        const { matchedCount } = await collection.updateOne(
          { _id: task.id, version: expectedVersion, writers: found.writers },
          { $set: { ...fields, writers: writersWith(newToken(), found) } },
        );
        if (matchedCount > 0) return;
      }
    });
  }

  deleteTask(id: string): Promise<boolean> {
    return this.#run(async ({ tasks, outbox }) => {
      for (let round = 1; ; round += 1) {
        // Ended runs that are still in there must not go with it.
        const { deletedCount } = await tasks.collection.deleteOne({ _id: id, ...PRESENT, outboxBy: null } as object);
        if (deletedCount > 0) return true;
        const found = await tasks.collection.findOne({ _id: id, ...PRESENT }, { projection: { version: 1 } });
        if (!found) return false;
        if (round > MAX_ROUNDS) throw new VersionConflictError(id, found.version, found.version + 1);
        await outbox.sweep({ _id: id, outboxBy: { $gt: '' } });
      }
    });
  }

  removeAllTasks(): Promise<number> {
    return this.#run(async ({ tasks, outbox }) => {
      let removed = 0;
      for (let round = 1; round <= MAX_ROUNDS; round += 1) {
        removed += (await tasks.collection.deleteMany({ outboxBy: null } as object)).deletedCount;
        if (!(await tasks.collection.findOne({ outboxBy: { $gt: '' } }, { projection: { _id: 1 } }))) break;
        await outbox.sweep({ outboxBy: { $gt: '' } });
      }
      return removed;
    });
  }

  getAllTasks(): Promise<readonly StoredTask[]> {
    return this.#run(async ({ tasks }) => {
      const documents = await tasks.collection.find(PRESENT).sort({ nextRunOrder: 1, _id: 1 }).toArray();
      return this.sorted(documents.map((document) => tasks.decode(document)));
    });
  }

  getDueTasks(now: number): Promise<readonly TaskRecord[]> {
    return this.#run(async ({ tasks }) => {
      const filter = { priority: ANY_NUMBER, dueAt: { $lte: now }, ...tasks.readable };
      const documents = await tasks.collection.find(filter).sort({ priority: 1, dueAt: 1, _id: 1 }).toArray();
      return tasks
        .load(documents)
        .loaded.map(({ task }) => task)
        .sort(compareByDue);
    });
  }

  getNextRunTime(): Promise<number | null> {
    return this.#run(({ tasks }) => tasks.earliest({ dueAt: ANY_NUMBER, ...tasks.readable }));
  }

  override nextDueFor(handlers: readonly string[] | null): Promise<number | null> {
    return this.#run(async ({ tasks, clock }) => {
      if (handlers?.length === 0) return null;
      return tasks.earliest(tasks.claimable(handlers, await clock.now()));
    });
  }

  override transact<T>(selection: Selection, apply: Apply<T>): Promise<Transacted<T>> {
    return this.#run(({ transactor }) => transactor.run(selection, apply));
  }

  override query(filter: TaskFilter, sort: TaskSort, page: Page): Promise<TaskPage> {
    return this.#run(({ taskQuery }) => taskQuery.query(filter, sort, page));
  }

  override saveRuns(runs: readonly RunRecord[]): Promise<void> {
    return this.#run(({ tasks, outbox }) => outbox.save(runs.map((run) => tasks.runDocument(run))));
  }

  override runs(filter: RunFilter, page: RunPageRequest): Promise<RunPage> {
    return this.#run(({ history }) => history.query(filter, page));
  }

  override pruneRuns(options: { before: number | null; keep: number | null; limit: number }): Promise<number> {
    return this.#run(({ history }) => history.prune(options));
  }

  override heartbeat(instance: SchedulerInstance): Promise<void> {
    return this.#run(async ({ collections, clock, outbox }) => {
      const heartbeatAt = await clock.now();
      const { identity } = instance;
      await collections.schedulers.replaceOne({ _id: identity }, { ...instance, heartbeatAt }, { upsert: true });
      await outbox.sweepNowAndThen(heartbeatAt);
    });
  }

  override retire(identity: string): Promise<void> {
    return this.#run(async ({ collections }) => void (await collections.schedulers.deleteOne({ _id: identity })));
  }

  override schedulers(): Promise<readonly SchedulerInstance[]> {
    return this.#run(async ({ collections }) => {
      const found = await collections.schedulers.find().sort({ _id: 1 }).toArray();
      return found.map(({ _id, ...instance }) => instance);
    });
  }

  override onWake(listener: () => void): () => void {
    return this.#opened?.wakeUps?.listen(listener) ?? super.onWake(listener);
  }

  override async wake(at: number): Promise<void> {
    await this.#opened?.wakeUps?.publish(at);
  }
}

/** Adds what is not there yet. Returns the rest. */
async function insertNew<T extends { readonly _id: string }>(
  collection: mongo.Collection<T>,
  documents: readonly T[],
): Promise<T[]> {
  if (documents.length === 0) return [];
  try {
    await collection.insertMany(documents as mongo.OptionalUnlessRequiredId<T>[], { ordered: false });
    return [];
  } catch (error) {
    const refused = writeErrorsOf(error);
    if (!refused?.every(isDuplicateWrite)) throw error;
    return refused.map(({ index }) => documents[index]!);
  }
}
