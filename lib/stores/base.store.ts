import { StoreInUseError } from '../errors/store.errors.js';
import { VersionConflictError } from '../errors/task.errors.js';
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
import { dueTime, isUnreadable } from '../model/task.js';
import type { StoredTask, TaskRecord, UnreadableTask } from '../model/task.js';
import type { TaskCodec } from '../persistence/codec.interface.js';
import { Mutex } from './mutex.js';
import { RunHistory } from './run-history.js';
import { MEMBERSHIP_ID, membershipRecord, membersOf } from './membership.record.js';
import { claimDue, finishRuns, renewLeases } from '../scheduler/loop/store.steps.js';
import { wakeOthers } from './wake-others.js';
import type {
  AddOptions,
  Awaitable,
  ClaimPlan,
  ClaimRequest,
  ClaimResult,
  Committed,
  DueFilter,
  FailedChange,
  FinishResult,
  LeaseRef,
  PruneOptions,
  RenewResult,
  RunResult,
  Selection,
  Store,
  StoreCapabilities,
  StoreContext,
  Transacted,
} from './store.interface.js';
import type { Apply, Change } from '../model/change.js';
import { compareByAge, compareByDue, compareByNextRunTime, isAskedFor, queryTasks } from './task-query.js';

/** How many ended runs a store without a history of its own keeps in memory. */
const HISTORY_LIMIT = 10_000;

/**
 * What every store extends. A subclass implements eight methods, and this class makes the whole {@link Store} of them,
 * correct within one process: claims, leases and edits go one after another through one lock. One of the eight that
 * awaits something between reading and writing takes the same lock: see {@link exclusive}. The history of ended runs is
 * kept in memory; a store that can keep it overrides {@link saveRuns}, {@link runs} and {@link pruneRuns}.
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
  readonly #history = new RunHistory(HISTORY_LIMIT);

  abstract addTask(task: TaskRecord, options?: AddOptions): Awaitable<void>;
  abstract lookupTask(id: string): Awaitable<StoredTask | null>;
  abstract updateTask(task: TaskRecord, expectedVersion: number): Awaitable<void>;
  abstract deleteTask(id: string): Awaitable<boolean>;
  abstract removeAllTasks(): Awaitable<number>;
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

  /** For {@link updateTask}: refuses to overwrite what somebody else has written in the meantime. */
  protected assertVersion(stored: TaskRecord, expectedVersion: number): void {
    if (stored.version !== expectedVersion) {
      throw new VersionConflictError(stored.id, expectedVersion, stored.version);
    }
  }

  /** For {@link getAllTasks}: sorts as the contract says. */
  protected sorted(tasks: Iterable<StoredTask>): StoredTask[] {
    return [...tasks].sort(compareByNextRunTime);
  }

  /** For {@link getDueTasks}: the readable ones that are due, sorted as the contract says. */
  protected dueOf(tasks: Iterable<StoredTask>, now: number): TaskRecord[] {
    const due: TaskRecord[] = [];
    for (const task of tasks) {
      if (isUnreadable(task)) continue;
      const at = dueTime(task.definition, task.state);
      if (at !== null && at <= now) due.push(task);
    }
    return due.sort(compareByDue);
  }

  /** For {@link getNextRunTime}: the earliest due time of the readable ones. */
  protected earliestOf(tasks: Iterable<StoredTask>): number | null {
    let earliest: number | null = null;
    for (const task of tasks) {
      if (isUnreadable(task)) continue;
      const at = dueTime(task.definition, task.state);
      if (at !== null && (earliest === null || at < earliest)) earliest = at;
    }
    return earliest;
  }

  async addTasks(tasks: readonly TaskRecord[]): Promise<readonly string[]> {
    const conflicts: string[] = [];
    for (const task of tasks) {
      // Asked first, so that only a real failure rejects; the lock keeps another add from slipping in between.
      const added = await this.exclusive(async () => {
        if ((await this.lookupTask(task.id)) !== null) return false;
        await this.addTask(task);
        return true;
      });
      if (!added) conflicts.push(task.id);
    }
    return conflicts;
  }

  transact<T>(selection: Selection, apply: Apply<T>): Awaitable<Transacted<T>> {
    return this.exclusive(async () => {
      const storeNow = await this.now();
      const { tasks, missing, unreadable } = await this.#select(selection, storeNow);
      const committed: Committed<T>[] = [];
      const failed: FailedChange[] = [];
      for (const task of tasks) {
        try {
          const change = apply(task, storeNow);
          if (change) committed.push(await this.#commit(task, change));
        } catch (error) {
          // The others are whole; losing sight of what was committed would be worse than going on.
          failed.push({ id: task.id, error });
        }
      }
      if (failed.length > 0 && committed.length === 0) throw failed[0]!.error;
      return { committed, missing, unreadable, failed, storeNow };
    });
  }

  async #commit<T>(task: TaskRecord, change: Change<T>): Promise<Committed<T>> {
    // History first: a crash in between repeats an entry, which is replaced, and never loses one.
    if (change.history.length > 0) await this.saveRuns(change.history);
    const changed = change.task && { ...change.task, version: task.version + 1 };
    if (changed) await this.updateTask(changed, task.version);
    else await this.deleteTask(task.id);
    return { id: task.id, task: changed, value: change.value };
  }

  async #select(selection: Selection, storeNow: number) {
    const tasks: TaskRecord[] = [];
    const missing: string[] = [];
    const unreadable: UnreadableTask[] = [];
    if ('due' in selection) {
      const { limit, order } = selection.due;
      const due = await this.getDueTasks(storeNow);
      for (const task of order === 'age' ? due.toSorted(compareByAge) : due) {
        if (tasks.length >= limit) break;
        if (isAskedFor(task, selection.due)) tasks.push(task);
      }
      return { tasks, missing, unreadable };
    }
    for (const id of new Set(selection.ids)) {
      const task = await this.lookupTask(id);
      if (task === null) missing.push(id);
      else if (isUnreadable(task)) unreadable.push(task);
      else tasks.push(task);
    }
    return { tasks, missing, unreadable };
  }

  claimDue(request: ClaimRequest, plan: ClaimPlan): Awaitable<ClaimResult> {
    return claimDue(this, request, plan, () => this.nextDueFor(request));
  }

  finishRuns(results: readonly RunResult[]): Awaitable<FinishResult> {
    return finishRuns(this, results);
  }

  renewLeases(runs: readonly LeaseRef[], leaseMs: number): Awaitable<RenewResult> {
    return renewLeases(this, runs, leaseMs);
  }

  async nextDueFor(filter: DueFilter): Promise<number | null> {
    const { handlers, except = {} } = filter;
    if (handlers === null && Object.values(except).every(({ length }) => length === 0)) return this.getNextRunTime();
    return this.earliestOf(
      (await this.getAllTasks()).filter((task) => !isUnreadable(task) && isAskedFor(task, filter)),
    );
  }

  async query(filter: StoredTaskFilter, sort: TaskSort, page: PageRequest): Promise<StoredTaskPage> {
    return queryTasks(await this.getAllTasks(), filter, sort, page);
  }

  saveRuns(runs: readonly RunRecord[]): Awaitable<void> {
    this.#history.save(runs, this.#historyCodec);
  }

  runs(filter: StoredRunFilter, page: RunPageRequest): Awaitable<StoredRunPage> {
    return this.#history.query(filter, page, this.#historyCodec);
  }

  /** What is in memory only needs no encryption. */
  get #historyCodec(): TaskCodec {
    return (this.#codec ??= this.context.createCodec({ encrypt: false }));
  }

  pruneRuns(options: PruneOptions): Awaitable<number> {
    return this.#history.prune(options);
  }

  async heartbeat(instance: SchedulerInstance): Promise<void> {
    await this.#changeMembers(async (members) => [
      ...members.filter((member) => member.identity !== instance.identity),
      { ...instance, heartbeatAt: await this.now() },
    ]);
  }

  async retire(identity: string): Promise<void> {
    await this.#changeMembers((members) => members.filter((member) => member.identity !== identity));
  }

  async schedulers(): Promise<readonly SchedulerInstance[]> {
    return membersOf(await this.lookupTask(MEMBERSHIP_ID));
  }

  async #changeMembers(
    change: (members: readonly SchedulerInstance[]) => Awaitable<readonly SchedulerInstance[]>,
  ): Promise<void> {
    await this.exclusive(async () => {
      const stored = await this.lookupTask(MEMBERSHIP_ID);
      const members = await change(membersOf(stored));
      if (stored === null || isUnreadable(stored)) {
        if (stored) await this.deleteTask(MEMBERSHIP_ID);
        await this.addTask(membershipRecord(members, 1, await this.now()));
      } else {
        await this.updateTask(membershipRecord(members, stored.version + 1, await this.now()), stored.version);
      }
    });
  }

  onWake(_listener: () => void): () => void {
    return () => {};
  }

  wake(_at: number): Awaitable<void> {}

  /**
   * Tells the other processes of a task that was added, when it has a due time: see `Store.addTask`. The task is added
   * whether or not they can be told.
   */
  protected tellOf({ definition, state }: TaskRecord): void {
    const at = dueTime(definition, state);
    if (at !== null && this.#context) wakeOthers(this, at, this.#context);
  }
}
