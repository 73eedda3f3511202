import { TaskConflictError } from '../../errors/task.errors.js';
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
import { taskIdOfRun } from '../../model/run.js';
import type { RunRecord } from '../../model/run.js';
import type { SchedulerInstance } from '../../model/scheduler-instance.js';
import type { StartTaskKind, StartTaskPage, StartTaskPageRequest } from '../../model/start-tasks.js';
import type { StoredTask, TaskRecord } from '../../model/task.js';
import { BaseStore } from '../base.store.js';
import type { AddOptions, PruneOptions, StoreCapabilities, StoreContext, Transacted } from '../store.interface.js';
import type { Exchange, Exchanged } from '../exchange.interface.js';
import type { DueFilter, Selection } from '../selection.interface.js';
import type { Apply } from '../../model/change.js';
import { indexesMissing } from '../store.findings.js';
import { compareByDue } from '../task-query.js';
import { undoOnFailure } from '../undo-on-failure.js';
import { addressOfOptions, MongooseConnection } from './mongoose.connection.js';
import { ANY_NUMBER, collectionsOf, createIndexes, missingIndexes, PRESENT } from './mongoose.documents.js';
import type { Collections } from './mongoose.documents.js';
import { unavailable } from './mongoose.errors.js';
import { resolveOptions } from './mongoose.options.js';
import type { MongooseStoreOptions, ResolvedOptions } from './mongoose.options.js';
import { MongooseJournal } from './mongoose.journal.js';
import { writeKnown } from './mongoose.known-changes.js';
import { MongooseOutbox } from './mongoose.outbox.js';
import { MongooseRunHistory } from './mongoose.run-history.js';
import { ServerClock } from './mongoose.server-clock.js';
import { MongooseTaskQuery } from './mongoose.task-query.js';
import { takeDue } from './mongoose.taking.js';
import { MongooseTasks } from './mongoose.tasks.js';
import { MongooseTaskWrites } from './mongoose.task-writes.js';
import { MongooseTransactor } from './mongoose.transaction.js';
import { ChangeStreamChannel } from './mongoose.wake-channel.js';
import { MongooseWakeUps } from './mongoose.wakeups.js';
import { newToken } from './mongoose.writers.js';

/** What there is between start and shutdown. */
interface Opened {
  readonly connection: MongooseConnection;
  readonly collections: Collections;
  readonly clock: ServerClock;
  readonly tasks: MongooseTasks;
  readonly outbox: MongooseOutbox;
  readonly writes: MongooseTaskWrites;
  readonly transactor: MongooseTransactor;
  readonly taskQuery: MongooseTaskQuery;
  readonly history: MongooseRunHistory;
  readonly journal: MongooseJournal;
  /** Only where the server has change streams. */
  readonly wakeUps: MongooseWakeUps | null;
}

/**
 * Keeps tasks in MongoDB, for any number of processes, on a standalone server as well as on a replica set or a sharded
 * cluster. `docs/stores-mongoose.md` lists collections, indexes, guarantees and limits.
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
    takes: true,
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

  get address(): string {
    return this.#opened?.connection.address ?? addressOfOptions(this.#options);
  }

  /** @throws StoreUnavailableError With the address and the reason, when the server cannot be reached or refuses. */
  override async start(context: StoreContext): Promise<void> {
    await super.start(context);
    await undoOnFailure(
      () => super.shutdown(),
      () => this.#open(context),
    );
  }

  async #open(context: StoreContext): Promise<void> {
    const { clock, logger } = context;
    const { serializer, collection } = this.#options;
    const codec = context.createCodec({ serializer });
    const connection = await MongooseConnection.open(this.#options, context);
    try {
      const { setName, msg } = await connection.hello();
      const hasOplog = setName !== undefined || msg === 'isdbgrid';
      const collections = collectionsOf(connection.database, collection);
      if (!context.readOnly) await createIndexes(collections, hasOplog);
      const serverClock = new ServerClock(() => connection.hello(), clock);
      const now = () => serverClock.now();
      const tasks = new MongooseTasks(collections.tasks, codec, (task) => context.reportUnreadable(task));
      const outbox = new MongooseOutbox(collections, logger);
      if (!context.readOnly) await outbox.sweepNowAndThen(await now());
      const channel = hasOplog ? new ChangeStreamChannel(collections.wakes, newToken(), now) : null;
      this.#opened = {
        connection,
        collections,
        clock: serverClock,
        tasks,
        outbox,
        writes: new MongooseTaskWrites(tasks, outbox, channel),
        transactor: new MongooseTransactor(tasks, outbox, now),
        taskQuery: new MongooseTaskQuery(tasks),
        history: new MongooseRunHistory(collections.runs, codec),
        journal: new MongooseJournal(collections.journal, codec),
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
    if ((await this.addTasks([task], { transaction })).length > 0) throw new TaskConflictError(task.id);
  }

  override async addTasks(tasks: readonly TaskRecord[], { transaction }: AddOptions = {}): Promise<readonly string[]> {
    if (transaction !== undefined) return this.#run(({ writes }) => writes.addIn(transaction, tasks));
    const conflicts = await this.#run(({ writes }) => writes.addAll(tasks));
    if (conflicts.length < tasks.length) this.tellOf(tasks);
    return conflicts;
  }

  lookupTask(id: string): Promise<StoredTask | null> {
    return this.#run(async ({ tasks }) => {
      const document = await tasks.collection.findOne({ _id: id });
      return document && !document.gone ? tasks.decode(document) : null;
    });
  }

  updateTask(task: TaskRecord, expectedVersion: number): Promise<void> {
    return this.#run(({ writes }) => writes.replace(task, expectedVersion));
  }

  deleteTask(id: string): Promise<boolean> {
    return this.#run(({ writes }) => writes.remove(id));
  }

  removeAllTasks(): Promise<number> {
    return this.#run(({ writes }) => writes.removeAll());
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

  override nextDueFor(filter: DueFilter): Promise<number | null> {
    return this.#run(async ({ tasks, clock }) => {
      if (filter.handlers?.length === 0) return null;
      return tasks.earliest(await tasks.claimable(filter, await clock.now()));
    });
  }

  override countDue(now: number, atMost: number): Promise<number> {
    return this.#run(({ tasks }) =>
      tasks.collection.countDocuments({ dueAt: { $lte: now }, ...tasks.readable }, { limit: Math.max(1, atMost) }),
    );
  }

  override transact<T>(selection: Selection, apply: Apply<T>): Promise<Transacted<T>> {
    return this.#run(({ transactor }) => transactor.run(selection, apply));
  }

  override exchange({ write = [], take }: Exchange): Promise<Exchanged> {
    return this.#run(async ({ collections, tasks, outbox, clock }) => {
      await outbox.deliverLate();
      const written = await writeKnown(collections, tasks, write);
      return { written, taken: take ? await takeDue(tasks, take, () => clock.now()) : null };
    });
  }

  override query(filter: StoredTaskFilter, sort: TaskSort, page: PageRequest): Promise<StoredTaskPage> {
    return this.#run(({ taskQuery }) => taskQuery.query(filter, sort, page));
  }

  override startTasks(kind: StartTaskKind, page: StartTaskPageRequest): Promise<StartTaskPage> {
    return this.#run(({ taskQuery }) => taskQuery.startTasks(kind, page));
  }

  override saveRuns(runs: readonly RunRecord[]): Promise<void> {
    return this.#run(({ tasks, outbox }) => outbox.save(runs.map((run) => tasks.runDocument(run))));
  }

  override runs(filter: StoredRunFilter, page: RunPageRequest): Promise<StoredRunPage> {
    return this.#run(async ({ history, outbox }) => {
      // Who has seen a task after the end of its run asks for the run, which may be on its way still.
      const taskId = filter.taskId ?? taskIdOfRun(filter.runId ?? '');
      if (taskId !== null) await outbox.sweep({ _id: taskId, outboxBy: { $gt: '' } });
      return history.query(filter, page);
    });
  }

  override pruneRuns(options: PruneOptions): Promise<number> {
    return this.#run(({ history }) => history.prune(options));
  }

  override appendJournal(entries: readonly JournalEntry[]): Promise<void> {
    return this.#run(({ journal }) => journal.append(entries));
  }

  override journal(filter: StoredJournalFilter, page: JournalPageRequest): Promise<StoredJournalPage> {
    return this.#run(({ journal }) => journal.query(filter, page));
  }

  override pruneJournal(options: PruneJournalOptions): Promise<number> {
    return this.#run(({ journal }) => journal.prune(options));
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

  /** The indexes that somebody has dropped. */
  inspect(): Promise<readonly StoreFinding[]> {
    return this.#run(async ({ collections, wakeUps }) => {
      const missing = await missingIndexes(collections, wakeUps !== null);
      return missing.length === 0 ? [] : [indexesMissing(missing, 'A start of a scheduler makes them again')];
    });
  }

  override onWake(listener: () => void): () => void {
    return this.#opened?.wakeUps?.listen(listener) ?? super.onWake(listener);
  }

  override async wake(at: number): Promise<void> {
    await this.#opened?.wakeUps?.publish(at);
  }
}
