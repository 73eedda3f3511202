import { StoreInUseError } from '../errors/store.errors.js';
import { TaskConflictError } from '../errors/task.errors.js';
import type {
  PageRequest,
  StoredRunFilter,
  StoredRunPage,
  RunPageRequest,
  StoredTaskFilter,
  StoredTaskPage,
  TaskSort,
} from '../model/query.js';
import type {
  JournalEntry,
  JournalPageRequest,
  PruneJournalOptions,
  StoredJournalFilter,
  StoredJournalPage,
} from '../model/journal.js';
import type { RunRecord } from '../model/run.js';
import type { SchedulerInstance } from '../model/scheduler-instance.js';
import type { StartTaskKind, StartTaskPage, StartTaskPageRequest } from '../model/start-tasks.js';
import { isInternal } from '../model/definition.js';
import { dueTime, isUnreadable } from '../model/task.js';
import type { StoredTask, TaskRecord } from '../model/task.js';
import type { TaskCodec } from '../persistence/codec.interface.js';
import { assertReplaceable } from './assert-replaceable.js';
import { JournalLog } from './journal.log.js';
import { Mutex } from './mutex.js';
import { RunHistory } from './run-history.js';
import { MEMBERSHIP_ID, membersOf, removeMember, writeMember } from './membership.record.js';
import { wakeOthers } from './wake-others.js';
import type {
  AddOptions,
  Awaitable,
  Committed,
  JournalOptions,
  PruneOptions,
  Selected,
  Store,
  StoreCapabilities,
  StoreContext,
  Transacted,
} from './store.interface.js';
import type { DueFilter, DueOrder, FailedChange, Selection } from './selection.interface.js';
import type { Apply, Change } from '../model/change.js';
import { readEach } from './read-each.js';
import { changedTask, throwIfAllFailed } from './task-change.js';
import { exchangeThroughTransact } from './exchange.js';
import type { Exchange, Exchanged } from './exchange.interface.js';
import {
  compareByAge,
  compareByDue,
  compareByNextRunTime,
  asksForAll,
  dueTasks,
  earliestDue,
  isAskedFor,
  pageOfStartTasks,
  queryTasks,
} from './task-query.js';

/**
 * What every store extends. A subclass implements eight methods, and this class makes the whole {@link Store} of them,
 * correct within one process: claims, leases and edits go one after another through one lock. One of the eight that
 * awaits something between reading and writing takes the same lock: see {@link exclusive}. The history of ended runs is
 * kept in memory; a store that can keep it overrides {@link saveRuns}, {@link runs} and {@link pruneRuns}. So is the journal:
 * {@link appendJournal}, {@link journal} and {@link pruneJournal}.
 *
 * The built-in stores override {@link transact}, and with it every claim, end and edit, by what their database does best.
 *
 * @publicApi
 */
export abstract class BaseStore implements Store {
  readonly capabilities: StoreCapabilities = {
    coordination: 'process',
    wakeUp: 'polled',
    transactionalAdds: false,
    durable: true,
  };

  #context: StoreContext | null = null;
  #codec: TaskCodec | null = null;
  readonly #lock = new Mutex();
  readonly #history = new RunHistory();
  readonly #journal = new JournalLog();

  abstract addTask(task: TaskRecord, options?: AddOptions): Awaitable<void>;
  abstract lookupTask(id: string): Awaitable<StoredTask | null>;
  abstract updateTask(task: TaskRecord, expectedVersion: number): Awaitable<void>;
  abstract deleteTask(id: string, options?: JournalOptions): Awaitable<boolean>;
  abstract removeAllTasks(options?: JournalOptions): Awaitable<number>;
  abstract getAllTasks(): Awaitable<readonly StoredTask[]>;
  abstract getDueTasks(now: number): Awaitable<readonly TaskRecord[]>;
  abstract getNextRunTime(): Awaitable<number | null>;

  /**
   * Remembers the context. A subclass that opens something calls `super.start(context)` first.
   *
   * @throws StoreInUseError When another scheduler has started this very object.
   */
  start(context: StoreContext): Awaitable<void> {
    if (this.#context) {
      const { name, identity } = this.#context.scheduler;
      throw new StoreInUseError(
        context.alias,
        `the scheduler "${name}" (${identity}) in this process`,
        'One store object serves one scheduler. Give each its own.',
      );
    }
    this.#context = context;
  }

  /** Forgets the context. A subclass that opened something closes it. */
  shutdown(): Awaitable<void> {
    this.#context = null;
    this.#codec = null;
  }

  now(): Awaitable<number> {
    return this.context.clock.now();
  }

  /** What the scheduler handed over at the start. */
  protected get context(): StoreContext {
    if (!this.#context) throw new Error('The store was used before it was started. This is a bug in nestjs-asyncz.');
    return this.#context;
  }

  /**
   * Runs `work` while nothing else does that goes through here: no other call of this, no claim, no end of a run, no
   * edit. For a method that awaits something between reading and writing, such as an `addTask` that looks whether the id
   * is there. Calls inside `work` go through at once.
   *
   * A store with a lock that reaches further, over all processes of a host for instance, overrides this, and says so in
   * its `capabilities`.
   */
  protected exclusive<T>(work: () => Promise<T>): Promise<T> {
    return this.#lock.run(work);
  }

  /**
   * For {@link updateTask}: throws what the contract says unless the expected version is stored and can be read.
   *
   * @param stored What is stored under the id; null for nothing.
   */
  protected assertReplaceable(
    id: string,
    stored: StoredTask | null,
    expectedVersion: number,
  ): asserts stored is TaskRecord {
    assertReplaceable(id, stored, expectedVersion);
  }

  /** For {@link removeAllTasks}: whether the id is that of a record that schedulers keep for themselves. */
  protected isInternal(id: string): boolean {
    return isInternal(id);
  }

  /** For {@link getAllTasks}: sorts as the contract says. */
  protected sorted(tasks: Iterable<StoredTask>): StoredTask[] {
    return [...tasks].sort(compareByNextRunTime);
  }

  /** For {@link getDueTasks}: the readable ones that are due, sorted as the contract says. */
  protected dueOf(tasks: Iterable<StoredTask>, now: number): TaskRecord[] {
    return this.sortDue(dueTasks(tasks, now));
  }

  /** For {@link getNextRunTime}: the earliest due time of the readable ones. */
  protected earliestOf(tasks: Iterable<StoredTask>): number | null {
    return earliestDue(tasks);
  }

  async addTasks(tasks: readonly TaskRecord[], options?: AddOptions): Promise<readonly string[]> {
    const conflicts: string[] = [];
    for (const task of tasks) {
      try {
        await this.addTask(task, options);
      } catch (error) {
        if (!(error instanceof TaskConflictError)) throw error;
        conflicts.push(task.id);
      }
    }
    return conflicts;
  }

  transact<T>(selection: Selection, apply: Apply<T>): Awaitable<Transacted<T>> {
    return this.exclusive(async () => {
      // A store of somebody's own may count in fractions of a millisecond: they would end up in tokens.
      const storeNow = Math.floor(await this.now());
      const { tasks, missing, unreadable } = await this.select(selection, storeNow);
      const committed: Committed<T>[] = [];
      const left: TaskRecord[] = [];
      const failed: FailedChange[] = [];
      const values: T[] = [];
      for (const task of tasks) {
        try {
          const change = apply(task, storeNow, values);
          if (!change) {
            left.push(task);
            continue;
          }
          committed.push(await this.commit(task, change));
          values.push(change.value);
        } catch (error) {
          // The others are whole; losing sight of what was committed would be worse than going on.
          failed.push({ id: task.id, error });
        }
      }
      throwIfAllFailed({ committed, failed });
      return { committed, left, missing, unreadable, failed, storeNow };
    });
  }

  /** For {@link transact}: reads the tasks of a selection, in the order in which they are to be decided about. */
  protected async select(selection: Selection, storeNow: number): Promise<Selected> {
    if ('ids' in selection) return readEach(this, selection.ids);
    const { limit, order } = selection.due;
    const tasks: TaskRecord[] = [];
    const due = await this.getDueTasks(storeNow);
    for (const task of order === 'age' ? this.sortDue(due, order) : due) {
      if (tasks.length >= limit) break;
      if (this.isAskedFor(task, selection.due)) tasks.push(task);
    }
    return { tasks, missing: [], unreadable: [] };
  }

  /**
   * For {@link transact}: writes what was decided about one task: its ended runs, then the task, by {@link updateTask} or
   * {@link deleteTask}. Right where nobody else can write the task since it was read. A store that only compares the
   * version overrides this: a deletion has to compare it too, and a change that lost must leave no ended runs behind.
   */
  protected async commit<T>(task: TaskRecord, change: Change<T>): Promise<Committed<T>> {
    // History first: a crash in between repeats an entry, which is replaced, and never loses one.
    if (change.history?.length) await this.saveRuns(change.history);
    const changed = changedTask(task, change);
    if (changed) await this.updateTask(changed, task.version);
    else await this.deleteTask(task.id);
    return { id: task.id, task: changed, value: change.value };
  }

  /** For {@link transact}: whether a task passes the filter of a scheduler that asks for due ones. */
  protected isAskedFor(task: TaskRecord, filter: DueFilter): boolean {
    return isAskedFor(task, filter);
  }

  /** For {@link transact}: sorts due tasks as the contract says. */
  protected sortDue(tasks: Iterable<TaskRecord>, order: DueOrder = 'priority'): TaskRecord[] {
    return [...tasks].sort(order === 'age' ? compareByAge : compareByDue);
  }

  exchange(exchange: Exchange): Awaitable<Exchanged> {
    return exchangeThroughTransact(this, exchange);
  }

  async nextDueFor(filter: DueFilter): Promise<number | null> {
    if (asksForAll(filter)) return this.getNextRunTime();
    const tasks = await this.getAllTasks();
    return this.earliestOf(tasks.filter((task) => !isUnreadable(task) && isAskedFor(task, filter)));
  }

  async countDue(now: number, atMost: number): Promise<number> {
    return Math.min((await this.getDueTasks(now)).length, atMost);
  }

  async query(filter: StoredTaskFilter, sort: TaskSort, page: PageRequest): Promise<StoredTaskPage> {
    return queryTasks(await this.getAllTasks(), filter, sort, page);
  }

  async startTasks(kind: StartTaskKind, page: StartTaskPageRequest): Promise<StartTaskPage> {
    return pageOfStartTasks(await this.getAllTasks(), kind, page);
  }

  saveRuns(runs: readonly RunRecord[]): Awaitable<void> {
    this.#history.save(runs, this.#memoryCodec);
  }

  runs(filter: StoredRunFilter, page: RunPageRequest): Awaitable<StoredRunPage> {
    return this.#history.query(filter, page, this.#memoryCodec);
  }

  /** What is in memory only needs no encryption. */
  get #memoryCodec(): TaskCodec {
    return (this.#codec ??= this.context.createCodec({ encrypt: false }));
  }

  pruneRuns(options: PruneOptions): Awaitable<number> {
    return this.#history.prune(options);
  }

  appendJournal(entries: readonly JournalEntry[]): Awaitable<void> {
    this.#journal.append(entries, this.#memoryCodec);
  }

  journal(filter: StoredJournalFilter, page: JournalPageRequest): Awaitable<StoredJournalPage> {
    return this.#journal.query(filter, page, this.#memoryCodec);
  }

  pruneJournal(options: PruneJournalOptions): Awaitable<number> {
    return this.#journal.prune(options);
  }

  heartbeat(instance: SchedulerInstance): Awaitable<void> {
    return writeMember(this, instance);
  }

  retire(identity: string): Awaitable<void> {
    return removeMember(this, identity);
  }

  async schedulers(): Promise<readonly SchedulerInstance[]> {
    return membersOf(await this.lookupTask(MEMBERSHIP_ID));
  }

  onWake(_listener: () => void): () => void {
    return () => {};
  }

  wake(_at: number): Awaitable<void> {}

  /** Tells the others once of tasks that were added, as `Store.addTask` says, which are there whether or not they can be told. */
  protected tellOf(tasks: readonly TaskRecord[]): void {
    let earliest = Infinity;
    for (const { definition, state } of tasks) earliest = Math.min(earliest, dueTime(definition, state) ?? Infinity);
    if (earliest < Infinity && this.#context) wakeOthers(this, earliest, this.#context);
  }
}
