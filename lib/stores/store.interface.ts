import type { Apply } from '../model/change.js';
import type { Clock } from '../model/clock.js';
import type { StoreFinding } from '../model/finding.js';
import type {
  JournalEntry,
  JournalPageRequest,
  PruneJournalOptions,
  StoredJournalFilter,
  StoredJournalPage,
} from '../model/journal.js';
import type { Logger } from '../model/logger.js';
import type {
  PageRequest,
  StoredRunFilter,
  StoredRunPage,
  RunPageRequest,
  StoredTaskFilter,
  StoredTaskPage,
  TaskSort,
} from '../model/query.js';
import type { RunRecord } from '../model/run.js';
import type { SchedulerInstance } from '../model/scheduler-instance.js';
import type { StartTaskKind, StartTaskPage, StartTaskPageRequest } from '../model/start-tasks.js';
import type { StoredTask, TaskRecord, UnreadableTask } from '../model/task.js';
import type { TaskCodec } from '../persistence/codec.interface.js';
import type { Exchange, Exchanged } from './exchange.interface.js';
import type { DueFilter, FailedChange, Selection } from './selection.interface.js';

/** A value, or a promise of it. @publicApi */
export type Awaitable<T> = T | Promise<T>;

/**
 * What a store can do. The engine asks these flags and never what kind of store it is.
 *
 * @publicApi
 */
export interface StoreCapabilities {
  /**
   * Among whom a claim is exclusive: the schedulers of one `process`, of one `host`, or of a `cluster`. A second
   * scheduler outside that circle is refused.
   */
  readonly coordination: 'process' | 'host' | 'cluster';
  /** Whether other processes are told at once that something earlier is due, or find it with their next poll. */
  readonly wakeUp: 'pushed' | 'polled';
  /** Whether `addTask` can be part of the caller's own transaction. */
  readonly transactionalAdds: boolean;
  /** Whether {@link Store.transact} by id can be part of the caller's own transaction. False when left out. */
  readonly transactionalChanges?: boolean;
  /** Whether tasks outlive the process. */
  readonly durable: boolean;
  /**
   * Whether claims take tasks through `exchange`, since that costs less than deciding about each inside of `transact`. False
   * when left out.
   */
  readonly takes?: boolean;
  /**
   * Whether entries of the journal are written in one step with what they are about, `atomic`: those of `Change.journal`, and of
   * {@link JournalOptions}, of which a store that writes them `after` takes no notice. Then the scheduler appends them right
   * afterwards, and a process that dies in between leaves a change without its entry. `after` when left out.
   */
  readonly journal?: 'atomic' | 'after';
}

/**
 * What the scheduler hands to a store when it starts.
 *
 * @publicApi
 */
export interface StoreContext {
  /** The name that the store has in this scheduler. */
  readonly alias: string;
  /** Name and identity of the scheduler. */
  readonly scheduler: Pick<SchedulerInstance, 'name' | 'identity'>;
  readonly clock: Clock;
  readonly logger: Logger;
  /**
   * Whether the scheduler only reads: then nothing is to be made that is not there, such as tables or folders, and the start
   * rejects where there is no store yet. Of the methods that write none is called.
   */
  readonly readOnly: boolean;
  /**
   * Makes the codec that the scheduler is configured for.
   *
   * @param options `serializer`: a registered name, `json` by default. `encrypt`: false for a store that keeps nothing.
   * @throws UnknownNameError When the serializer is not registered.
   */
  createCodec(options?: { serializer?: string; encrypt?: boolean }): TaskCodec;
  /** Reports a record that cannot be read; the scheduler makes one event of it however often it is called. */
  reportUnreadable(task: UnreadableTask): void;
}

/**
 * The tasks of a {@link Selection}.
 *
 * @publicApi
 */
export interface Selected {
  readonly tasks: readonly TaskRecord[];
  /** The ids that are not there. */
  readonly missing: readonly string[];
  /** The records that are there and cannot be read. */
  readonly unreadable: readonly UnreadableTask[];
}

/**
 * What a {@link Store.transact} did.
 *
 * @publicApi
 */
export interface Transacted<T> {
  readonly committed: readonly Committed<T>[];
  /** The selected tasks that `apply` left as they are, as they were read. */
  readonly left: readonly TaskRecord[];
  /** The ids that are not there. */
  readonly missing: readonly string[];
  /** The records that are there and cannot be read. */
  readonly unreadable: readonly UnreadableTask[];
  /** The tasks whose change could not be written; nothing of it was. A store that writes all or nothing has none. */
  readonly failed: readonly FailedChange[];
  /** The store's clock at the time, in milliseconds since the epoch. */
  readonly storeNow: number;
  /**
   * For a selection of due tasks, where the store learned of it on the way: says when the next of the tasks that the
   * selection lets through is due, as {@link Store.nextDueFor} does. To be called once at most, and soon.
   */
  readonly nextDue?: () => Awaitable<number | null>;
}

/** A change that was written. @publicApi */
export interface Committed<T> {
  readonly id: string;
  /** The task as it now is; null when it was deleted. */
  readonly task: TaskRecord | null;
  readonly value: T;
}

/** What is written in the same step, where `capabilities.journal` is `atomic`. @publicApi */
export interface JournalOptions {
  /** Entries of the journal. None when left out. */
  readonly journal?: readonly JournalEntry[];
}

/**
 * Options of `addTask` and `addTasks`. An entry of `journal` is written if the task of its `taskId` was added.
 *
 * @publicApi
 */
export interface AddOptions extends JournalOptions {
  /**
   * The caller's own transaction: a TypeORM `EntityManager` or a Mongoose `ClientSession`. Only where
   * `capabilities.transactionalAdds` says so.
   */
  readonly transaction?: unknown;
}

/** Options of `transact`. @publicApi */
export interface TransactOptions {
  /**
   * The caller's own transaction, as for {@link AddOptions}: the changes are written if it commits. Only for a selection of ids,
   * and only where `capabilities.transactionalChanges` says so.
   */
  readonly transaction?: unknown;
}

/**
 * Which ended runs are not to be kept. Times are milliseconds since the epoch.
 *
 * @publicApi
 */
export interface PruneOptions {
  /** Those that ended before this time; null for none. */
  readonly before: number | null;
  /** All but the latest so many of each task; null for none. */
  readonly keep: number | null;
  /**
   * Where it is a time, `before` and `keep` are not about the runs that failed or were lost: these are removed when they
   * ended before this time, and none of them is counted among the latest of its task. null to treat them like all others.
   */
  readonly failedBefore: number | null;
  /** How many at the most in one call, so that no pruning holds a database up; the oldest first. */
  readonly limit: number;
}

/**
 * The contract between the engine and whatever keeps the tasks. Implementations extend `BaseStore`, which builds all of
 * it from eight methods, correct for one process; the built-in stores override {@link transact} and what else their
 * database does better. `describeStore` of `nestjs-asyncz/testing` is the same contract as tests.
 *
 * Every method may reject when the store cannot be reached; nothing may be half done then.
 *
 * @publicApi
 */
export interface Store {
  readonly capabilities: StoreCapabilities;
  /**
   * Where the tasks are, for messages, such as a server with its port or a folder; before the start too, and never with a
   * password. Undefined where there is nothing to tell.
   */
  readonly address?: string | undefined;

  /** Opens what is needed and makes tables, folders or indexes. Rejects with the reason when that cannot be done. */
  start(context: StoreContext): Awaitable<void>;
  /** Closes what the store opened, and nothing that was handed to it. Tasks stay where they are durable. */
  shutdown(): Awaitable<void>;
  /** The clock that decides what is due and whether a lease holds, in milliseconds since the epoch. */
  now(): Awaitable<number>;

  /**
   * Adds a task, and tells the other processes of it as {@link wake} does when it has a due time: in the same step where
   * that saves a round trip.
   *
   * @throws TaskConflictError When the id is there already, readable or not.
   */
  addTask(task: TaskRecord, options?: AddOptions): Awaitable<void>;
  /**
   * Adds many in as few round trips as possible, and tells the other processes once, of the earliest due time, as
   * {@link addTask} does.
   *
   * @returns The ids that were there already, readable or not, and were left alone; also each further one of an id that is given twice.
   * @throws TaskConflictError Only in a transaction of the caller that a taken id has aborted, as MongoDB does.
   */
  addTasks(tasks: readonly TaskRecord[], options?: AddOptions): Awaitable<readonly string[]>;
  /** The task, or null when there is none. */
  lookupTask(id: string): Awaitable<StoredTask | null>;
  /**
   * Replaces a task as a whole.
   *
   * @param task The task as it is to be, with `version` set to `expectedVersion + 1`.
   * @throws TaskNotFoundError When it is not there.
   * @throws TaskUnreadableError When its record cannot be read; the record stays as it is.
   * @throws VersionConflictError When another version is there.
   */
  updateTask(task: TaskRecord, expectedVersion: number): Awaitable<void>;
  /** Returns whether it was there. Works on unreadable records too. Entries of `journal` are written if it was. */
  deleteTask(id: string, options?: JournalOptions): Awaitable<boolean>;
  /**
   * Removes every task, readable or not, and leaves the internal records, whose ids begin with `INTERNAL_PREFIX`.
   *
   * @returns How many tasks there were.
   */
  removeAllTasks(options?: JournalOptions): Awaitable<number>;
  /** Every record, internal ones too, by next run time, those without one last, ties by id; unreadable ones at the end. */
  getAllTasks(): Awaitable<readonly StoredTask[]>;
  /** The tasks whose `dueTime` is not after `now`, by priority, then due time, then id. Readable ones only. */
  getDueTasks(now: number): Awaitable<readonly TaskRecord[]>;
  /** The earliest `dueTime` of all readable tasks, or null. */
  getNextRunTime(): Awaitable<number | null>;

  /**
   * Reads the selected tasks, lets `apply` decide about each, and writes the changes, all of it as one step: no other
   * scheduler within `capabilities.coordination` sees or changes one of them in between, and a crash at any moment
   * leaves each task as it was or as it is to be. Claims, ends of runs, renewals and edits are all built on this.
   */
  transact<T>(selection: Selection, apply: Apply<T>, options?: TransactOptions): Awaitable<Transacted<T>>;
  /**
   * Writes changes that are known without reading (`KnownChange`), and takes due tasks: puts each under a lease of
   * its own (`TaskState.lease`) and gives it back. It does what {@link transact} could do, and is for stores that can do
   * either in one statement, and both in one round trip. Each change and each taking is a step of its own. Who is told
   * that a change is lost decides anew, through `transact`.
   */
  exchange(exchange: Exchange): Awaitable<Exchanged>;
  /**
   * Runs `work` in a transaction of the store's database: commits when it resolves, and rolls back when it rejects. What it gets is
   * what {@link TransactOptions.transaction} takes, and what the application writes with. Left out where there are none; there is
   * one only where `capabilities.transactionalChanges` is true.
   *
   * @returns What `work` resolves with, when the database has committed.
   */
  transaction?<T>(work: (transaction: unknown) => Promise<T>): Promise<T>;
  /**
   * When the next readable task that the filter lets through is due, in milliseconds since the epoch; null when there is
   * none. What only others can run must not wake this scheduler, or it would poll without end. A poll asks this, so it
   * should be one cheap query.
   */
  nextDueFor(filter: DueFilter): Awaitable<number | null>;
  /**
   * How many tasks are due at `now`, as {@link getDueTasks} gives them, counted up to `atMost`. Records that cannot be read may
   * count. Monitoring asks this every few seconds, so it should be one cheap query.
   *
   * @param now Milliseconds since the epoch.
   */
  countDue(now: number, atMost: number): Awaitable<number>;
  /** Filters, sorts and pages in the store. Internal records (of the handler `INTERNAL_HANDLER`) are left out. */
  query(filter: StoredTaskFilter, sort: TaskSort, page: PageRequest): Awaitable<StoredTaskPage>;
  /**
   * The tasks of a kind, page by page: each that is there from the first page to the last is on one of them, once, whatever
   * is added, changed and removed meanwhile. Internal records are left out. Every scheduler asks this when it starts and when
   * it stops, so it should cost the same however many other tasks there are.
   */
  startTasks(kind: StartTaskKind, page: StartTaskPageRequest): Awaitable<StartTaskPage>;
  /** The ended runs, the latest first. */
  runs(filter: StoredRunFilter, page: RunPageRequest): Awaitable<StoredRunPage>;
  /** Keeps ended runs, each replacing the one with the same id, attempt and token. */
  saveRuns(runs: readonly RunRecord[]): Awaitable<void>;
  /**
   * Removes ended runs: see {@link PruneOptions}.
   *
   * @returns How many were removed.
   */
  pruneRuns(options: PruneOptions): Awaitable<number>;

  /** Keeps entries of the journal on their own, each replacing the one with the same id. */
  appendJournal(entries: readonly JournalEntry[]): Awaitable<void>;
  /**
   * The journal, the latest first: by id, downwards. Actors are filtered by `TaskCodec.actorLabels`, since who is named may be
   * encrypted.
   */
  journal(filter: StoredJournalFilter, page: JournalPageRequest): Awaitable<StoredJournalPage>;
  /**
   * Removes entries of the journal: see {@link PruneJournalOptions}.
   *
   * @returns How many were removed.
   */
  pruneJournal(options: PruneJournalOptions): Awaitable<number>;

  /** Writes a scheduler's heartbeat; the store sets `heartbeatAt` by its clock. */
  heartbeat(instance: SchedulerInstance): Awaitable<void>;
  /** Removes a scheduler that has stopped. */
  retire(identity: string): Awaitable<void>;
  /** Every scheduler with a heartbeat, live or dead. */
  schedulers(): Awaitable<readonly SchedulerInstance[]>;
  /**
   * What is wrong with the database as the store knows it: how the server is set up, what is missing in it. Reads only, in bounded
   * time; what the server does not tell is no finding. `diagnose()` asks this. Left out where a store knows nothing of that kind.
   */
  inspect?(): Awaitable<readonly StoreFinding[]>;

  /**
   * Calls `listener` when another process has something earlier due. Returns a function that ends it. Where
   * `capabilities.wakeUp` is `polled` it may never be called.
   */
  onWake(listener: () => void): () => void;
  /** Tells the other processes that something is due at `at`, in milliseconds since the epoch. Never rejects. */
  wake(at: number): Awaitable<void>;
}
