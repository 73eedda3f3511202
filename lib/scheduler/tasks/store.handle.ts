import { InvalidOptionError } from '../../errors/input.errors.js';
import { StartTimeoutError, StoreStartError } from '../../errors/store.errors.js';
import type { JournalEntry } from '../../model/journal.js';
import { dueTime } from '../../model/task.js';
import type { StoredTask, TaskRecord } from '../../model/task.js';
import { MemoryStore } from '../../stores/memory/memory.store.js';
import type { Store, StoreContext } from '../../stores/store.interface.js';
import { wakeOthers } from '../../stores/wake-others.js';
import type { Deadline } from '../../time/deadline.js';
import type { StoreClock } from '../../time/store.clock.js';
import type { ClaimLoop } from '../loop/claim.loop.js';

/** What waits for the start of a store: tasks in the order of their adding, and the entries of the journal about them. */
interface Pending {
  readonly tasks: readonly TaskRecord[];
  readonly journal: readonly JournalEntry[];
}

const NOTHING: Pending = { tasks: [], journal: [] };

/**
 * One store of a scheduler. Until it is started, tasks are kept in a store in memory and every operation works on that;
 * at the start they are committed to the real one. So there is one code path for both.
 */
export class StoreHandle {
  #loop: ClaimLoop | null = null;
  #pending: MemoryStore | null = new MemoryStore();
  #opened = false;
  /** Tasks that waited for a start which has failed. */
  #kept: Pending = NOTHING;
  /** The last opening or closing, however late it ends: what comes next waits for it. Never rejects. */
  #last: Promise<unknown> = Promise.resolve();
  /** When it was found that what was in the store is gone, in milliseconds since the epoch; null when that was never since the start. */
  emptiedAt: number | null = null;

  constructor(
    readonly alias: string,
    readonly store: Store,
    readonly clock: StoreClock,
    private readonly context: StoreContext,
  ) {
    this.#pending!.start(context);
  }

  /** Whether tasks still wait for the start. */
  get pending(): boolean {
    return this.#pending !== null;
  }

  /** The loop that works on the store; null before the start, and for a scheduler that runs nothing. */
  get loop(): ClaimLoop | null {
    return this.#loop;
  }

  /** The store that operations work on: the one in memory until the start, the real one from then on. */
  get activeStore(): Store {
    return this.#pending ?? this.store;
  }

  /** Whether the real store was opened and has to be shut down. */
  get opened(): boolean {
    return this.#opened;
  }

  /** Where the store keeps its tasks, for messages. */
  get place(): string {
    const { address } = this.store;
    return `the store "${this.alias}"${address === undefined ? '' : ` (${address})`}`;
  }

  /**
   * Opens the real store. What opens after the deadline is closed again at once.
   *
   * @throws StoreStartError
   */
  async open(deadline: Deadline): Promise<void> {
    const opening = this.#last.then(() => {
      if (deadline.isOver) throw new StartTimeoutError(this.place);
      return this.store.start(this.context);
    });
    this.#last = opening.catch(() => {});
    try {
      await this.inTime(deadline, opening);
      this.#opened = true;
      this.clock.sync(await this.inTime(deadline, Promise.resolve(this.store.now())));
    } catch (error) {
      if (this.#opened) void this.close().catch(() => {});
      else this.#last = opening.then(() => this.store.shutdown()).catch(() => {});
      throw new StoreStartError(this.alias, error);
    }
  }

  /**
   * What the store answers, if it does in time.
   *
   * @throws StartTimeoutError
   */
  async inTime<T>(deadline: Deadline, answer: Promise<T>): Promise<T> {
    if (await deadline.holds(answer)) return answer;
    throw new StartTimeoutError(this.place);
  }

  /** From now on operations go to the real store. Returns what waited for that. */
  takePending(): Pending {
    const pending = this.#pending!;
    this.#pending = null;
    const tasks = [...this.#kept.tasks, ...pending.inOrderOfAdding()];
    const journal = [...this.#kept.journal, ...pending.wholeJournal()];
    this.#kept = NOTHING;
    void pending.shutdown();
    return { tasks, journal };
  }

  /** The real store has not taken these, or may not have: they wait for the next start. */
  keepPending(tasks: readonly TaskRecord[], journal: readonly JournalEntry[]): void {
    this.#kept = { tasks: [...this.#kept.tasks, ...tasks], journal: [...this.#kept.journal, ...journal] };
    this.#showKept();
  }

  /** Where tasks wait for the start, they are found among them. */
  #showKept(): void {
    if (!this.#pending) return;
    for (const task of this.#kept.tasks) if (!this.#pending.lookupTask(task.id)) this.#pending.addTask(task);
    void this.#pending.appendJournal(this.#kept.journal);
    this.#kept = NOTHING;
  }

  /** From now on this loop works on the store, until it is closed. */
  useLoop(loop: ClaimLoop): void {
    this.#loop = loop;
  }

  /** Closes the real store; what comes after waits for the next start. */
  async close(): Promise<void> {
    this.#opened = false;
    this.#loop = null;
    if (!this.#pending) {
      this.#pending = new MemoryStore();
      this.#pending.start(this.context);
      this.#showKept();
    }
    const closing = this.#last.then(() => this.store.shutdown());
    this.#last = closing.catch(() => {});
    await closing;
  }

  /** Has this scheduler look for due tasks: a store wakes the others itself when a task is added. */
  wakeSelf(): void {
    this.#loop?.wake();
  }

  /**
   * Has this scheduler and the others look for due tasks.
   *
   * @param at When something is due, in milliseconds since the epoch.
   */
  wake(at: number): void {
    this.wakeSelf();
    wakeOthers(this.store, at, this.context);
  }

  /** Has this scheduler and the others look for tasks that were changed, if one of them is due at some time. */
  wakeFor(...tasks: readonly TaskRecord[]): void {
    if (this.pending) return;
    let earliest = Infinity;
    for (const { id, definition, state } of tasks) {
      // Under its lease the task is due for nobody.
      if (state.lease) void this.#loop?.writeClaim(id);
      earliest = Math.min(earliest, dueTime(definition, state) ?? Infinity);
    }
    if (earliest < Infinity) this.wake(earliest);
  }

  /** @throws InvalidOptionError When the store has no transactions of the caller for that, or was not started. */
  requireTransactions(kind: 'transactionalAdds' | 'transactionalChanges'): void {
    if (this.activeStore.capabilities[kind]) return;
    const allowed = `left out: the store "${this.alias}" has none for this (${kind})`;
    throw new InvalidOptionError('transaction', 'given', allowed);
  }

  async lookup(id: string): Promise<StoredTask | null> {
    return this.activeStore.lookupTask(id);
  }
}
