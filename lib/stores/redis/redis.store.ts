import { StoreUnavailableError } from '../../errors/store.errors.js';
import { TaskNotFoundError, VersionConflictError } from '../../errors/task.errors.js';
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
import type { StoredTask, TaskRecord } from '../../model/task.js';
import { BaseStore } from '../base.store.js';
import { distinctIds } from '../distinct-ids.js';
import { readMember } from '../read-member.js';
import type { JournalOptions, PruneOptions, StoreCapabilities, StoreContext, Transacted } from '../store.interface.js';
import type { Exchange, Exchanged } from '../exchange.interface.js';
import type { DueFilter, Selection } from '../selection.interface.js';
import type { Apply } from '../../model/change.js';
import { compareByDue } from '../task-query.js';
import { undoOnFailure } from '../undo-on-failure.js';
import { databaseOf, keyPrefixOf } from './redis.address.js';
import { RedisAdder } from './redis.adder.js';
import { RedisConnection } from './redis.connection.js';
import { RedisDueIndex } from './redis.due-index.js';
import { RedisExchanger } from './redis.exchange.js';
import { RedisJournal } from './redis.journal.js';
import { keysOf } from './redis.keys.js';
import { addressOfOptions, resolveOptions } from './redis.options.js';
import type { RedisStoreOptions, ResolvedOptions } from './redis.options.js';
import { isMissing } from './redis.records.js';
import { RedisRecordsCodec } from './redis.records-codec.js';
import { RedisRunHistory } from './redis.run-history.js';
import { RedisScripts } from './redis.scripts.js';
import { dataLossFindings, serverProblem, warnOfDataLoss } from './redis.server-check.js';
import { RedisTaskQuery } from './redis.task-query.js';
import { RedisTransactor } from './redis.transaction.js';
import { RedisWakeUps } from './redis.wakeups.js';

/** What there is between start and shutdown. */
interface Opened {
  readonly connection: RedisConnection;
  readonly scripts: RedisScripts;
  readonly records: RedisRecordsCodec;
  readonly adder: RedisAdder;
  readonly transactor: RedisTransactor;
  readonly exchanger: RedisExchanger;
  readonly due: RedisDueIndex;
  readonly tasks: RedisTaskQuery;
  readonly history: RedisRunHistory;
  readonly journal: RedisJournal;
  readonly wakeUps: RedisWakeUps;
}

/**
 * Keeps tasks in Redis 6.2 or later, Valkey, or a Redis Cluster, for any number of processes. Every operation is one or a
 * few scripts, each bounded so that Redis stays free for others; `docs/stores-redis.md` lists keys, costs and limits.
 *
 * @publicApi
 */
export class RedisStore extends BaseStore {
  override readonly capabilities: StoreCapabilities = {
    coordination: 'cluster',
    wakeUp: 'pushed',
    transactionalAdds: false,
    durable: true,
    takes: true,
    journal: 'atomic',
  };

  readonly #options: ResolvedOptions;
  #opened: Opened | null = null;

  /**
   * @throws UnknownOptionError For an option that neither the store nor ioredis has.
   * @throws InvalidOptionError For a value that is not allowed.
   */
  constructor(options: RedisStoreOptions = {}) {
    super();
    this.#options = resolveOptions(options);
  }

  get address(): string {
    return addressOfOptions(this.#options);
  }

  /**
   * @throws StoreUnavailableError With the address and the reason, when the server cannot be reached, is too old, or its keys
   *   hold something else.
   */
  override async start(context: StoreContext): Promise<void> {
    await super.start(context);
    await undoOnFailure(
      () => super.shutdown(),
      () => this.#open(context),
    );
  }

  async #open(context: StoreContext): Promise<void> {
    const { alias, logger, scheduler } = context;
    const { serializer, tasksKey, runTimesKey } = this.#options;
    const codec = context.createCodec({ serializer });
    const name = `asyncz:${`${scheduler.name}.${alias}`.replace(/[^\w.-]/g, '_')}`;
    const connection = await RedisConnection.open(this.#options, name, context);
    const close = () => connection.close();
    await undoOnFailure(close, async () => {
      const { client, address } = connection;
      const keys = keysOf({ tasksKey, runTimesKey, keyPrefix: keyPrefixOf(client), database: databaseOf(client) });
      const scripts = new RedisScripts(connection, keys, codec.maxRecordBytes, logger);
      const reason = (await serverProblem(connection)) ?? (await scripts.check());
      if (reason !== null) throw new StoreUnavailableError(address, reason);
      await warnOfDataLoss(connection, logger);
      const wakeUps = new RedisWakeUps(client, keys.wakeChannel, scripts.sender, `${name}:wake`, logger);
      connection.onRenewal(() => wakeUps.renew());
      const records = new RedisRecordsCodec(codec, (task) => context.reportUnreadable(task));
      const readable = () => codec.readable();
      const due = new RedisDueIndex(scripts, records, readable);
      const journal = new RedisJournal(scripts, codec);
      this.#opened = {
        connection,
        scripts,
        records,
        adder: new RedisAdder(scripts, records, journal, wakeUps),
        transactor: new RedisTransactor(scripts, records, journal, readable),
        exchanger: new RedisExchanger(scripts, records, due, readable),
        due,
        tasks: new RedisTaskQuery(scripts, records, readable),
        history: new RedisRunHistory(scripts, records),
        journal,
        wakeUps,
      };
    });
  }

  override async shutdown(): Promise<void> {
    const opened = this.#opened;
    this.#opened = null;
    await super.shutdown();
    await Promise.all([opened?.wakeUps.close(), opened?.connection.close()]);
  }

  get #at(): Opened {
    if (!this.#opened) throw new Error('The Redis store was used before it was started, or after it was shut down.');
    return this.#opened;
  }

  /** The clock of the server: of the node that holds the tasks, in a cluster. */
  override now(): Promise<number> {
    return this.#at.scripts.now();
  }

  addTask(task: TaskRecord, { journal }: JournalOptions = {}): Promise<void> {
    return this.#at.adder.add(task, journal);
  }

  override async addTasks(tasks: readonly TaskRecord[], { journal }: JournalOptions = {}): Promise<readonly string[]> {
    const { distinct, repeated } = distinctIds(tasks);
    return [...repeated, ...(await this.#at.adder.addMany(distinct, journal))];
  }

  async lookupTask(id: string): Promise<StoredTask | null> {
    const { scripts, records } = this.#at;
    const [parts] = (await scripts.read([id])).rows;
    return isMissing(parts!) ? null : records.decode(parts!);
  }

  async updateTask(task: TaskRecord, expectedVersion: number): Promise<void> {
    const { scripts, records } = this.#at;
    this.assertReplaceable(task.id, await this.lookupTask(task.id), expectedVersion);
    const entry = records.whole(task, scripts.nonce(), { what: 'set', guard: `${expectedVersion} ` });
    const { outcomes } = await scripts.write([entry]);
    const [outcome] = outcomes;
    if (outcome instanceof Error) throw outcome;
    if (outcome === 'gone') throw new TaskNotFoundError(task.id);
    if (typeof outcome === 'object') throw new VersionConflictError(task.id, expectedVersion, outcome.version);
  }

  async deleteTask(id: string, options: JournalOptions = {}): Promise<boolean> {
    const { scripts, records, journal } = this.#at;
    const entry = { ...records.drop(id, null, ''), journal: journal.textsOf(options.journal) };
    const { outcomes } = await scripts.write([entry]);
    const [outcome] = outcomes;
    if (outcome instanceof Error) throw outcome;
    return outcome === 'ok';
  }

  removeAllTasks(options: JournalOptions = {}): Promise<number> {
    const { scripts, journal } = this.#at;
    return scripts.clear(journal.textsOf(options.journal));
  }

  async getAllTasks(): Promise<readonly StoredTask[]> {
    return this.sorted(await this.#at.tasks.all());
  }

  async getDueTasks(now: number): Promise<readonly TaskRecord[]> {
    return (await this.#at.due.dueTasks(now)).sort(compareByDue);
  }

  getNextRunTime(): Promise<number | null> {
    return this.#at.due.nextDue({ handlers: null });
  }

  override nextDueFor(filter: DueFilter): Promise<number | null> {
    return this.#at.due.nextDue(filter);
  }

  override countDue(now: number, atMost: number): Promise<number> {
    return this.#at.due.count(now, atMost);
  }

  override async transact<T>(selection: Selection, apply: Apply<T>): Promise<Transacted<T>> {
    const { transactor, due: index } = this.#at;
    if ('ids' in selection) {
      const { peeked: _, ...result } = await transactor.run(selection, apply);
      return result;
    }
    // Two round trips: what is due next comes with the answer to the second.
    const { due } = selection;
    const { peeked, ...result } = await transactor.run(selection, apply, index.request(due));
    return { ...result, nextDue: () => index.nextDue(due, peeked) };
  }

  override exchange(exchange: Exchange): Promise<Exchanged> {
    return this.#at.exchanger.exchange(exchange);
  }

  override query(filter: StoredTaskFilter, sort: TaskSort, page: PageRequest): Promise<StoredTaskPage> {
    return this.#at.tasks.query(filter, sort, page);
  }

  override startTasks(kind: StartTaskKind, page: StartTaskPageRequest): Promise<StartTaskPage> {
    return this.#at.tasks.startTasks(kind, page);
  }

  override runs(filter: StoredRunFilter, page: RunPageRequest): Promise<StoredRunPage> {
    return this.#at.history.query(filter, page);
  }

  override saveRuns(runs: readonly RunRecord[]): Promise<void> {
    return this.#at.history.save(runs);
  }

  override pruneRuns(options: PruneOptions): Promise<number> {
    return this.#at.history.prune(options);
  }

  override appendJournal(entries: readonly JournalEntry[]): Promise<void> {
    return this.#at.journal.append(entries);
  }

  override journal(filter: StoredJournalFilter, page: JournalPageRequest): Promise<StoredJournalPage> {
    return this.#at.journal.query(filter, page);
  }

  override pruneJournal(options: PruneJournalOptions): Promise<number> {
    return this.#at.journal.prune(options);
  }

  override heartbeat(instance: SchedulerInstance): Promise<void> {
    return this.#at.scripts.heartbeat(instance.identity, JSON.stringify(instance));
  }

  override retire(identity: string): Promise<void> {
    return this.#at.scripts.retire(identity);
  }

  override async schedulers(): Promise<readonly SchedulerInstance[]> {
    return (await this.#at.scripts.members()).flatMap((stored) => {
      const end = stored.indexOf('\n');
      return readMember(stored.slice(end + 1), Number(stored.slice(0, end))) ?? [];
    });
  }

  /** How the server may lose tasks by the way it is set up. */
  inspect(): Promise<readonly StoreFinding[]> {
    return dataLossFindings(this.#at.connection, this.context.logger);
  }

  override onWake(listener: () => void): () => void {
    return this.#at.wakeUps.listen(listener);
  }

  override wake(at: number): Promise<void> {
    return this.#at.wakeUps.publish(at);
  }
}
