import { TaskConflictError, TaskNotFoundError } from '../../errors/task.errors.js';
import type { RunRecord } from '../../model/run.js';
import { dueTime } from '../../model/task.js';
import type { TaskDefinition, TaskRecord } from '../../model/task.js';
import type { TaskCodec } from '../../persistence/codec.interface.js';
import { BaseStore } from '../base.store.js';
import type {
  Apply,
  ClaimPlan,
  ClaimRequest,
  ClaimResult,
  Committed,
  Selection,
  StoreCapabilities,
  StoreContext,
  Transacted,
} from '../store.interface.js';
import { DueIndex } from './due-index.js';
import type { DueEntry } from './due-index.js';

/** A task with its place in the index of due times. */
class Entry implements DueEntry {
  place = -1;
  readonly id: string;
  readonly handler: string;
  readonly priority: number;
  /** Infinity for one that is never due; such a one is not in the index. */
  readonly key: number;

  constructor(readonly task: TaskRecord) {
    this.id = task.id;
    this.handler = task.definition.handler;
    this.priority = task.definition.policies.priority;
    this.key = dueTime(task.definition, task.state) ?? Infinity;
  }
}

/**
 * Keeps tasks in the memory of one process: for tests, and for tasks that need not survive it. Adding, changing, removing
 * and finding the earliest take O(log n).
 *
 * @publicApi
 */
export class MemoryStore extends BaseStore {
  override readonly capabilities: StoreCapabilities = {
    coordination: 'process',
    wakeUp: 'polled',
    transactionalAdds: false,
    durable: false,
  };

  readonly #entries = new Map<string, Entry>();
  readonly #due = new DueIndex<Entry>();
  #codec: TaskCodec | null = null;

  override start(context: StoreContext): void {
    void super.start(context);
    this.#codec = context.createCodec({ encrypt: false });
  }

  addTask(task: TaskRecord): void {
    if (this.#entries.has(task.id)) throw new TaskConflictError(task.id);
    this.#put({ ...task, definition: this.#detach(task) });
  }

  override addTasks(tasks: readonly TaskRecord[]): Promise<readonly string[]> {
    const conflicts: string[] = [];
    for (const task of tasks) {
      if (this.#entries.has(task.id)) conflicts.push(task.id);
      else this.addTask(task);
    }
    return Promise.resolve(conflicts);
  }

  lookupTask(id: string): TaskRecord | null {
    return this.#entries.get(id)?.task ?? null;
  }

  updateTask(task: TaskRecord, expectedVersion: number): void {
    const entry = this.#entries.get(task.id);
    if (!entry) throw new TaskNotFoundError(task.id);
    this.assertVersion(entry.task, expectedVersion);
    this.#put({ ...task, definition: this.#detach(task, entry.task.definition) });
  }

  deleteTask(id: string): boolean {
    const entry = this.#entries.get(id);
    if (!entry) return false;
    if (entry.place >= 0) this.#due.remove(entry);
    this.#entries.delete(id);
    return true;
  }

  removeAllTasks(): number {
    const count = this.#entries.size;
    for (const id of [...this.#entries.keys()]) this.deleteTask(id);
    return count;
  }

  getAllTasks(): TaskRecord[] {
    return this.sorted([...this.#entries.values()].map(({ task }) => task)) as TaskRecord[];
  }

  getDueTasks(now: number): TaskRecord[] {
    return this.#due.due(now, Infinity, null).map(({ task }) => task);
  }

  getNextRunTime(): number | null {
    return this.#due.earliest(null);
  }

  override nextDueFor(handlers: readonly string[] | null): Promise<number | null> {
    return Promise.resolve(this.#due.earliest(handlers));
  }

  /** Nothing is awaited in here, which is what makes it one step. */
  override transact<T>(selection: Selection, apply: Apply<T>): Transacted<T> {
    const storeNow = this.context.clock.now();
    const missing: string[] = [];
    const committed: Committed<T>[] = [];
    const decided = [];
    for (const task of this.#select(selection, storeNow, missing)) {
      const change = apply(task, storeNow);
      if (change) decided.push({ task, change });
    }
    // All was decided before the first is written: an apply that throws leaves everything as it was.
    for (const { task, change } of decided) {
      const changed = change.task && { ...change.task, version: task.version + 1 };
      if (changed) this.updateTask(changed, task.version);
      else this.deleteTask(task.id);
      this.#saveAll(change.history);
      committed.push({ id: task.id, task: changed, value: change.value });
    }
    return { committed, missing, unreadable: [], failed: [], storeNow };
  }

  /** A handler that changes its arguments changes its own copy. */
  override async claimDue(request: ClaimRequest, plan: ClaimPlan): Promise<ClaimResult> {
    const result = await super.claimDue(request, plan);
    const claimed = result.claimed.map((claim) =>
      claim.task && claim.start.length > 0
        ? { ...claim, task: { ...claim.task, definition: this.#detach(claim.task) } }
        : claim,
    );
    return { ...result, claimed };
  }

  #select(selection: Selection, now: number, missing: string[]): TaskRecord[] {
    if ('due' in selection) {
      return this.#due.due(now, selection.due.limit, selection.due.handlers).map(({ task }) => task);
    }
    const found: TaskRecord[] = [];
    for (const id of selection.ids) {
      const entry = this.#entries.get(id);
      if (entry) found.push(entry.task);
      else missing.push(id);
    }
    return found;
  }

  #saveAll(history: readonly RunRecord[]): void {
    if (history.length > 0) void this.saveRuns(history);
  }

  #put(task: TaskRecord): void {
    const old = this.#entries.get(task.id);
    if (old && old.place >= 0) this.#due.remove(old);
    const entry = new Entry(task);
    this.#entries.set(task.id, entry);
    if (entry.key !== Infinity) this.#due.add(entry);
  }

  /**
   * The definition as the caller cannot change it later: arguments go through the codec, which also refuses here what no
   * durable store could keep, so that moving to one holds no surprise.
   */
  #detach(task: TaskRecord, known?: TaskDefinition): TaskDefinition {
    const { definition } = task;
    if (definition === known || definition.args.length === 0 || !this.#codec) return definition;
    const copy = this.#codec.decodeTask(this.#codec.encodeTask(task));
    return 'unreadable' in copy ? definition : copy.definition;
  }
}
