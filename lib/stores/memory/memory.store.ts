import { TaskConflictError } from '../../errors/task.errors.js';
import { dueTime } from '../../model/task.js';
import type { TaskRecord } from '../../model/task.js';
import type { TaskDefinition } from '../../model/definition.js';
import { isStartTask } from '../../model/start-tasks.js';
import type { StartTaskKind, StartTaskPage, StartTaskPageRequest } from '../../model/start-tasks.js';
import { dueKeyValues } from '../../model/due-keys.js';
import type { DueKeyValues } from '../../model/due-keys.js';
import type { TaskCodec } from '../../persistence/codec.interface.js';
import { BaseStore } from '../base.store.js';
import { distinctIds } from '../distinct-ids.js';
import { DueIndex } from '../due-index.js';
import type { DueEntry, DueLane } from '../due-index.js';
import type { Committed, StoreCapabilities, StoreContext, Transacted } from '../store.interface.js';
import type { DueFilter, Selection } from '../selection.interface.js';
import type { Apply, Change, KnownChange, TakenTask } from '../../model/change.js';
import { changedTask } from '../task-change.js';
import { pageOfStartTasks } from '../task-query.js';
import { isStill, leaseOf, underLease } from '../exchange.js';
import type { Exchange, Exchanged, Taken, TakeRequest, Written } from '../exchange.interface.js';
import { copyArgs, frozenCopy } from './task.copies.js';

/** A task with its slot in the index of due times. */
class Entry implements DueEntry {
  heapSlot = -1;
  lane: DueLane | null = null;
  readonly id: string;
  readonly handler: string;
  readonly priority: number;
  /** Infinity for one that is never due; such a one is not in the index. */
  readonly key: number;

  /** @param task What nobody else can change: see {@link MemoryStore}'s `#own`. */
  constructor(readonly task: TaskRecord) {
    this.id = task.id;
    this.handler = task.definition.handler;
    this.priority = task.definition.policies.priority;
    this.key = dueTime(task.definition, task.state) ?? Infinity;
  }

  /** Not kept, so that a million tasks are not the larger for it. */
  get dueKeys(): DueKeyValues {
    return dueKeyValues(this.task.definition);
  }
}

/**
 * Keeps tasks in the memory of one process: for tests, and for tasks that need not survive it. Adding, changing, removing
 * and finding the earliest take O(log n).
 *
 * What it keeps is a copy that is frozen, so that no caller changes it by changing what was handed in or given out.
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
  /** What schedulers look for at their starts and stops, by id. */
  readonly #startTasks = new Map<string, TaskRecord>();
  #codec: TaskCodec | null = null;

  override start(context: StoreContext): void {
    void super.start(context);
    this.#codec = context.createCodec({ encrypt: false });
  }

  addTask(task: TaskRecord): void {
    if (this.#entries.has(task.id)) throw new TaskConflictError(task.id);
    this.#put(this.#own(task));
  }

  override async addTasks(tasks: readonly TaskRecord[]): Promise<readonly string[]> {
    const { distinct, repeated } = distinctIds(tasks);
    const isTaken = ({ id }: TaskRecord) => this.#entries.has(id);
    const taken = distinct.filter(isTaken).map(({ id }) => id);
    const added = distinct.filter((task) => !isTaken(task)).map((task) => this.#own(task));
    // Each of them can be kept, or this was not reached: an argument that cannot leaves nothing half done.
    for (const task of added) this.#put(task);
    return [...repeated, ...taken];
  }

  lookupTask(id: string): TaskRecord | null {
    const entry = this.#entries.get(id);
    return entry ? copyOf(entry.task) : null;
  }

  updateTask(task: TaskRecord, expectedVersion: number): void {
    const stored = this.#entries.get(task.id)?.task ?? null;
    this.assertReplaceable(task.id, stored, expectedVersion);
    this.#put(this.#own(task, stored));
  }

  deleteTask(id: string): boolean {
    const entry = this.#entries.get(id);
    if (!entry) return false;
    if (entry.heapSlot >= 0) this.#due.remove(entry);
    this.#entries.delete(id);
    this.#startTasks.delete(id);
    return true;
  }

  removeAllTasks(): number {
    let count = 0;
    // A map's keys may be deleted while they are walked over.
    for (const id of this.#entries.keys()) if (!this.isInternal(id) && this.deleteTask(id)) count += 1;
    return count;
  }

  getAllTasks(): TaskRecord[] {
    return this.sorted(this.inOrderOfAdding()) as TaskRecord[];
  }

  /** Every task in the order of adding, which a map keeps. */
  inOrderOfAdding(): readonly TaskRecord[] {
    return Array.from(this.#entries.values(), ({ task }) => copyOf(task));
  }

  getDueTasks(now: number): TaskRecord[] {
    return this.#due.due(now, Infinity, { handlers: null }).map(({ task }) => copyOf(task));
  }

  getNextRunTime(): number | null {
    return this.#due.earliest({ handlers: null });
  }

  override nextDueFor(filter: DueFilter): Promise<number | null> {
    return Promise.resolve(this.#due.earliest(filter));
  }

  override startTasks(kind: StartTaskKind, page: StartTaskPageRequest): Promise<StartTaskPage> {
    const { tasks, next } = pageOfStartTasks(this.#startTasks.values(), kind, page);
    return Promise.resolve({ tasks: tasks.map(copyOf), next });
  }

  /** Nothing is awaited in here, which is what makes it one step. */
  override transact<T>(selection: Selection, apply: Apply<T>): Transacted<T> {
    const storeNow = this.context.clock.now();
    const missing: string[] = [];
    const left: TaskRecord[] = [];
    const values: T[] = [];
    const decided: { task: TaskRecord; change: Change<T>; next: TaskRecord | null }[] = [];
    for (const task of this.#select(selection, storeNow, missing)) {
      const change = apply(task, storeNow, values);
      if (!change) {
        left.push(task);
        continue;
      }
      const changed = changedTask(task, change);
      const next = changed && this.#own(changed, task);
      decided.push({ task, change, next });
      values.push(change.value);
    }
    // Nothing below this line throws: what does not succeed as a whole leaves everything as it was.
    const committed = decided.map(({ task, change, next }): Committed<T> => {
      if (next) this.#put(next);
      else this.deleteTask(task.id);
      return { id: task.id, task: next && copyOf(next), value: change.value };
    });
    void this.saveRuns(decided.flatMap(({ change }) => change.history ?? []));
    return { committed, left, missing, unreadable: [], failed: [], storeNow };
  }

  /** Nothing is awaited in here, as in {@link transact}. */
  override exchange({ write = [], take }: Exchange): Exchanged {
    const written = this.#write(write);
    return { written, taken: take ? this.#take(take) : null };
  }

  /** All is made before the first is kept. */
  #write(changes: readonly KnownChange[]): Written {
    const lost = new Set<string>();
    const made: { id: string; next: TaskRecord | null }[] = [];
    for (const change of changes) {
      const { from, task } = change;
      const stored = this.#entries.get(from.id)?.task;
      if (!stored || !isStill(stored, change)) {
        lost.add(from.id);
        continue;
      }
      const definition = task?.definition === from.definition ? stored.definition : task?.definition;
      const next = task && { ...task, version: stored.version + 1, definition: definition! };
      made.push({ id: from.id, next: next && this.#own(next, stored) });
    }
    for (const { id, next } of made) {
      if (next) this.#put(next);
      else this.deleteTask(id);
    }
    void this.saveRuns(changes.flatMap(({ from, history = [] }) => (lost.has(from.id) ? [] : history)));
    return { lost: [...lost], failed: [] };
  }

  #take(request: TakeRequest): Taken {
    const storeNow = this.context.clock.now();
    const due = this.#due.due(storeNow, request.limit, request, request.order);
    const tasks = due.map(({ task }): TakenTask => {
      const lease = Object.freeze(leaseOf(task, storeNow, request));
      const { state, version, ...rest } = underLease(task, lease);
      // All but the lease is frozen already.
      this.#put(Object.freeze({ ...rest, version: version + 1, state: Object.freeze(state) }));
      return { task: copyOf(task), lease };
    });
    return { tasks, storeNow };
  }

  #select(selection: Selection, now: number, missing: string[]): TaskRecord[] {
    if ('due' in selection) {
      const { limit, order } = selection.due;
      return this.#due.due(now, limit, selection.due, order).map(({ task }) => task);
    }
    const found: TaskRecord[] = [];
    for (const id of new Set(selection.ids)) {
      const entry = this.#entries.get(id);
      if (entry) found.push(entry.task);
      else missing.push(id);
    }
    return found;
  }

  #put(task: TaskRecord): void {
    const old = this.#entries.get(task.id);
    if (old && old.heapSlot >= 0) this.#due.remove(old);
    const entry = new Entry(task);
    this.#entries.set(task.id, entry);
    if (isStartTask(task.definition)) this.#startTasks.set(task.id, task);
    else if (this.#startTasks.size > 0) this.#startTasks.delete(task.id);
    if (entry.key !== Infinity) this.#due.add(entry);
  }

  /** The task as it is kept: frozen, and nobody else's. What is the same as in `known` is kept already. */
  #own(task: TaskRecord, known?: TaskRecord): TaskRecord {
    return Object.freeze({
      id: task.id,
      version: task.version,
      definition: task.definition === known?.definition ? known.definition : this.#ownDefinition(task),
      state: task.state === known?.state ? known.state : frozenCopy(task.state),
    });
  }

  /**
   * Goes through the codec, which refuses here what no durable store could keep, so that moving to one holds no surprise.
   */
  #ownDefinition(task: TaskRecord): TaskDefinition {
    const { args, ...rest } = task.definition;
    const codec = this.#codec!;
    const row = codec.encodeTask(task);
    if (args.length === 0) return Object.freeze({ ...frozenCopy(rest), args: Object.freeze([]) });
    const copy = codec.decodeTask(row);
    if ('unreadable' in copy) throw new TypeError(`What was just written cannot be read: ${copy.message}`);
    return Object.freeze({ ...frozenCopy(rest), args: copy.definition.args });
  }
}

/** A task as it is given out: its arguments may be changed by whoever gets it. */
function copyOf(task: TaskRecord): TaskRecord {
  return { ...task, definition: { ...task.definition, args: copyArgs(task.definition.args) } };
}
