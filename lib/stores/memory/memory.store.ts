import { TaskConflictError } from '../../errors/task.errors.js';
import { nextToken } from '../../model/task.js';
import type { TaskLease, TaskRecord } from '../../model/task.js';
import type { TaskDefinition } from '../../model/definition.js';
import type { JournalEntry, JournalPageRequest, StoredJournalFilter, StoredJournalPage } from '../../model/journal.js';
import type { RunRecord } from '../../model/run.js';
import { isStartTask } from '../../model/start-tasks.js';
import type { StartTaskKind, StartTaskPage, StartTaskPageRequest } from '../../model/start-tasks.js';
import type { TaskCodec } from '../../persistence/codec.interface.js';
import { BaseStore } from '../base.store.js';
import { distinctIds } from '../distinct-ids.js';
import { ofAdded } from '../journaled.js';
import { DueIndex } from '../due-index.js';
import type {
  AddOptions,
  Committed,
  JournalOptions,
  StoreCapabilities,
  StoreContext,
  Transacted,
} from '../store.interface.js';
import type { DueFilter, Selection } from '../selection.interface.js';
import type { Apply, Change, KnownChange, TakenTask } from '../../model/change.js';
import { pageOfStartTasks } from '../task-query.js';
import { leaseOf } from '../exchange.js';
import type { Exchange, Exchanged, Taken, TakeRequest, Written } from '../exchange.interface.js';
import { MemoryEntry } from './memory.entry.js';
import type { KeptTask } from './memory.entry.js';
import { keep, keepMade } from './kept.state.js';
import { frozenCopy, givenOut, isSimple, ownDefinition, SharedPolicies } from './task.copies.js';

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
    takes: true,
    journal: 'atomic',
  };

  readonly #entries = new Map<string, MemoryEntry>();
  readonly #due = new DueIndex<MemoryEntry>();
  /** What schedulers look for at their starts and stops, by id. */
  readonly #startTasks = new Map<string, MemoryEntry>();
  readonly #policies = new SharedPolicies();
  #codec: TaskCodec | null = null;

  override start(context: StoreContext): void {
    void super.start(context);
    this.#codec = context.createCodec({ encrypt: false });
  }

  addTask(task: TaskRecord, { journal }: AddOptions = {}): void {
    if (this.#entries.has(task.id)) throw new TaskConflictError(task.id);
    this.#add(this.#own(task));
    this.#note(journal);
  }

  override async addTasks(tasks: readonly TaskRecord[], { journal }: AddOptions = {}): Promise<readonly string[]> {
    const { distinct, repeated } = distinctIds(tasks);
    const isTaken = ({ id }: TaskRecord) => this.#entries.has(id);
    const taken = distinct.filter(isTaken).map(({ id }) => id);
    const added = distinct.filter((task) => !isTaken(task)).map((task) => this.#own(task));
    // Each of them can be kept, or this was not reached: an argument that cannot leaves nothing half done.
    for (const task of added) this.#add(task);
    this.#note(journal && ofAdded(journal, added));
    return [...repeated, ...taken];
  }

  lookupTask(id: string): TaskRecord | null {
    const entry = this.#entries.get(id);
    return entry ? givenOut(entry.task) : null;
  }

  updateTask(task: TaskRecord, expectedVersion: number): void {
    const entry = this.#entries.get(task.id);
    this.assertReplaceable(task.id, entry?.task ?? null, expectedVersion);
    this.#set(entry!, this.#own(task, entry!.definition));
  }

  deleteTask(id: string, { journal }: JournalOptions = {}): boolean {
    const entry = this.#entries.get(id);
    if (!entry) return false;
    this.#note(journal);
    if (entry.heapSlot >= 0) this.#due.remove(entry);
    this.#entries.delete(id);
    this.#startTasks.delete(id);
    return true;
  }

  removeAllTasks({ journal }: JournalOptions = {}): number {
    this.#note(journal);
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
    return Array.from(this.#entries.values(), ({ task }) => givenOut(task));
  }

  /** Every entry of the journal, the latest first. */
  wholeJournal(): readonly JournalEntry[] {
    return this.journal({}, { limit: Infinity }).entries;
  }

  override journal(filter: StoredJournalFilter, page: JournalPageRequest): StoredJournalPage {
    return super.journal(filter, page) as StoredJournalPage;
  }

  getDueTasks(now: number): TaskRecord[] {
    return this.#due.due(now, Infinity, { handlers: null }).map(({ task }) => givenOut(task));
  }

  getNextRunTime(): number | null {
    return this.#due.earliest({ handlers: null });
  }

  override nextDueFor(filter: DueFilter): Promise<number | null> {
    return Promise.resolve(this.#due.earliest(filter));
  }

  override countDue(now: number, atMost: number): Promise<number> {
    return Promise.resolve(this.#due.count(now, atMost));
  }

  override startTasks(kind: StartTaskKind, page: StartTaskPageRequest): Promise<StartTaskPage> {
    const { tasks, next } = pageOfStartTasks(
      Array.from(this.#startTasks.values(), ({ task }) => task),
      kind,
      page,
    );
    return Promise.resolve({ tasks: tasks.map(givenOut), next });
  }

  /** Nothing is awaited in here, which is what makes it one step. */
  override transact<T>(selection: Selection, apply: Apply<T>): Transacted<T> {
    const storeNow = this.context.clock.now();
    const missing: string[] = [];
    const left: TaskRecord[] = [];
    const values: T[] = [];
    const decided: { entry: MemoryEntry; change: Change<T>; next: KeptTask | null }[] = [];
    for (const entry of this.#select(selection, storeNow, missing)) {
      const { task } = entry;
      const change = apply(task, storeNow, values);
      if (!change) {
        left.push(task);
        continue;
      }
      decided.push({ entry, change, next: this.#made(entry, change.task) });
      values.push(change.value);
    }
    // Nothing below this line throws: what does not succeed as a whole leaves everything as it was.
    const committed = decided.map(({ entry, change, next }): Committed<T> => {
      this.#write(entry, next);
      return { id: entry.id, task: next && givenOut(entry.task), value: change.value };
    });
    void this.saveRuns(decided.flatMap(({ change }) => change.history ?? []));
    for (const { change } of decided) this.#note(change.journal);
    return { committed, left, missing, unreadable: [], failed: [], storeNow };
  }

  /** Nothing is awaited in here, as in {@link transact}. */
  override exchange({ write = [], take }: Exchange): Exchanged {
    const written = this.#writeKnown(write);
    return { written, taken: take ? this.#take(take) : null };
  }

  /** All is made before the first is kept. */
  #writeKnown(changes: readonly KnownChange[]): Written {
    const lost = new Set<string>();
    const made: { entry: MemoryEntry; next: KeptTask | null }[] = [];
    const history: RunRecord[] = [];
    for (const { from, task, history: runs } of changes) {
      const entry = this.#entries.get(from.id);
      if (!entry || entry.version !== from.version || entry.lastToken !== from.lastToken) {
        lost.add(from.id);
        continue;
      }
      // What was given out may be a copy.
      const isSame = task?.definition === from.definition;
      made.push({ entry, next: this.#made(entry, task && isSame ? { ...task, definition: entry.definition } : task) });
      if (runs) for (const run of runs) history.push(run);
    }
    for (const { entry, next } of made) this.#write(entry, next);
    if (history.length > 0) void this.saveRuns(history);
    return { lost: [...lost], failed: [] };
  }

  #note(entries: readonly JournalEntry[] | undefined): void {
    if (entries?.length) void this.appendJournal(entries);
  }

  #take(request: TakeRequest): Taken {
    const storeNow = this.context.clock.now();
    const tasks: TakenTask[] = [];
    let last: TaskLease | null = null;
    this.#due.takeDue(storeNow, request.limit, request, request.order, (entry) => {
      const { task } = entry;
      // Those that nothing has happened to have the same lease.
      if (task.state.lease !== null || last?.attempt !== 1 || last.token !== nextToken(task.state, storeNow)) {
        last = Object.freeze(leaseOf(task, storeNow, request));
      }
      entry.take(last);
      tasks.push({ task: givenOut(task), lease: last });
    });
    return { tasks, storeNow };
  }

  #select(selection: Selection, now: number, missing: string[]): MemoryEntry[] {
    if ('due' in selection) {
      const { limit, order } = selection.due;
      return this.#due.due(now, limit, selection.due, order);
    }
    const found: MemoryEntry[] = [];
    for (const id of new Set(selection.ids)) {
      const entry = this.#entries.get(id);
      if (entry) found.push(entry);
      else missing.push(id);
    }
    return found;
  }

  #add(task: KeptTask): void {
    const entry = new MemoryEntry(task);
    this.#entries.set(task.id, entry);
    if (isStartTask(task.definition)) this.#startTasks.set(task.id, entry);
    if (entry.key !== Infinity) this.#due.add(entry);
  }

  /** What becomes of a task that is kept: its next version, which is the store's own; null where it is deleted. */
  #made(entry: MemoryEntry, task: TaskRecord | null): KeptTask | null {
    if (!task) return null;
    const definition = task.definition === entry.definition ? entry.definition : this.#ownDefinition(task);
    return { id: entry.id, definition, state: keepMade(task.state), version: entry.version + 1 };
  }

  #write(entry: MemoryEntry, next: KeptTask | null): void {
    if (next) this.#set(entry, next);
    else this.deleteTask(entry.id);
  }

  #set(entry: MemoryEntry, task: KeptTask): void {
    const isSame = task.definition === entry.definition;
    const { heapSlot } = entry;
    if (!isSame && heapSlot >= 0) this.#due.remove(entry);
    entry.set(task);
    if (entry.heapSlot < 0) {
      if (entry.key !== Infinity) this.#due.add(entry);
    } else if (entry.key === Infinity) this.#due.remove(entry);
    else this.#due.move(entry);
    if (isSame) return;
    if (isStartTask(task.definition)) this.#startTasks.set(entry.id, entry);
    else this.#startTasks.delete(entry.id);
  }

  /** A task of a caller as it is kept. @param known A definition that is kept already. */
  #own(task: TaskRecord, known?: TaskDefinition): KeptTask {
    const definition = task.definition === known ? known : this.#ownDefinition(task);
    return { id: task.id, version: task.version, definition, state: keep(task.state) };
  }

  /**
   * Goes through the codec, which refuses here what no durable store could keep, so that moving to one holds no surprise.
   */
  #ownDefinition(task: TaskRecord): TaskDefinition {
    const { definition } = task;
    const policies = this.#policies.of(definition.policies);
    if (isSimple(definition)) return ownDefinition(definition, frozenCopy(definition.args), policies);
    const codec = this.#codec!;
    const copy = codec.decodeTask(codec.encodeTask(task));
    if ('unreadable' in copy) throw new TypeError(`What was just written cannot be read: ${copy.message}`);
    return ownDefinition(definition, Object.freeze(copy.definition.args), policies);
  }
}
