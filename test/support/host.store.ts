import type { StoredRunFilter, StoredRunPage, RunPageRequest } from '../../lib/model/query.js';
import type { RunRecord } from '../../lib/model/run.js';
import type {
  JournalEntry,
  JournalPageRequest,
  PruneJournalOptions,
  StoredJournalFilter,
  StoredJournalPage,
} from '../../lib/model/journal.js';
import type { TaskRecord } from '../../lib/model/task.js';
import type { Apply, Change } from '../../lib/model/change.js';
import type { Selection } from '../../lib/stores/selection.interface.js';
import type {
  AddOptions,
  Committed,
  JournalOptions,
  PruneOptions,
  StoreCapabilities,
  Transacted,
  TransactOptions,
} from '../../lib/stores/store.interface.js';
import { changedTask } from '../../lib/stores/task-change.js';
import { Disk, EightMethodStore } from './eight-method.store.js';

/** A transaction of a disk: what is to be written when it commits. */
export class DiskTransaction {
  readonly #writes: (() => void)[] = [];

  add(write: () => void): void {
    this.#writes.push(write);
  }

  commit(): void {
    for (const write of this.#writes) write();
  }
}

/** Commits what `work` adds, or nothing when it rejects. */
export async function inTransaction(_request: unknown, work: (own: DiskTransaction) => Promise<void>): Promise<void> {
  const transaction = new DiskTransaction();
  await work(transaction);
  transaction.commit();
}

/** A store on a disk that is not its own. */
export function borrowing(create: new (disk: Disk) => HostStore) {
  return () => {
    const disk = new Disk();
    return { store: new create(disk), isOpen: () => disk.open, close: () => void (disk.open = false) };
  };
}

/** A store that many schedulers of one host can use: the disk's lock reaches over all of its objects. */
export class HostStore extends EightMethodStore {
  override readonly capabilities: StoreCapabilities = {
    coordination: 'host',
    wakeUp: 'pushed',
    transactionalAdds: true,
    transactionalChanges: true,
    durable: true,
    journal: 'atomic',
  };

  protected override exclusive<T>(work: () => Promise<T>): Promise<T> {
    return this.disk.lock.run(work);
  }

  override async addTask(task: TaskRecord, options?: AddOptions): Promise<void> {
    if (options?.transaction instanceof DiskTransaction) {
      const text = JSON.stringify(this.codec.encodeTask(task));
      options.transaction.add(() => this.disk.rows.set(task.id, text));
      options.transaction.add(() => this.note(options));
      return;
    }
    await super.addTask(task, options);
    this.tellOf([task]);
  }

  override async transact<T>(
    selection: Selection,
    apply: Apply<T>,
    options: TransactOptions = {},
  ): Promise<Transacted<T>> {
    const { transaction } = options;
    if (!(transaction instanceof DiskTransaction)) return super.transact(selection, apply);
    const storeNow = this.now();
    const { tasks, missing, unreadable } = await this.select(selection, await storeNow);
    const decided: Committed<T>[] = [];
    for (const task of tasks) {
      const change = apply(task, await storeNow, []);
      if (!change) continue;
      const changed = changedTask(task, change);
      const text = changed && JSON.stringify(this.codec.encodeTask(changed));
      transaction.add(() => this.keepHistory(change.history ?? []));
      transaction.add(() => this.note(change));
      transaction.add(() => (text === null ? this.disk.rows.delete(task.id) : this.disk.rows.set(task.id, text)));
      decided.push({ id: task.id, task: changed, value: change.value });
    }
    return { committed: decided, left: [], missing, unreadable, failed: [], storeNow: await storeNow };
  }

  async transaction<T>(work: (transaction: unknown) => Promise<T>): Promise<T> {
    const own = new DiskTransaction();
    const result = await work(own);
    own.commit();
    return result;
  }

  /** Writes the ended runs of a change in a transaction, when that commits. */
  protected keepHistory(runs: readonly RunRecord[]): void {
    this.saveRuns(runs);
  }

  override async addTasks(tasks: readonly TaskRecord[], options: AddOptions = {}): Promise<readonly string[]> {
    const { journal = [], ...rest } = options;
    const conflicts: string[] = [];
    for (const task of tasks) {
      const own = { ...rest, journal: journal.filter(({ taskId }) => taskId === task.id) };
      conflicts.push(...(await super.addTasks([task], own)));
    }
    return conflicts;
  }

  protected override async commit<T>(task: TaskRecord, change: Change<T>): Promise<Committed<T>> {
    if (change.history?.length) this.saveRuns(change.history);
    const changed = changedTask(task, change);
    if (changed) await this.updateTask(changed, task.version, change);
    else await this.deleteTask(task.id, change);
    return { id: task.id, task: changed, value: change.value };
  }

  protected override note({ journal = [] }: JournalOptions = {}): void {
    this.appendJournal(journal);
  }

  override appendJournal(entries: readonly JournalEntry[]): void {
    this.disk.journal.append(entries, this.codec);
  }

  override journal(filter: StoredJournalFilter, page: JournalPageRequest): StoredJournalPage {
    return this.disk.journal.query(filter, page, this.codec);
  }

  override pruneJournal(options: PruneJournalOptions): number {
    return this.disk.journal.prune(options);
  }

  override saveRuns(runs: readonly RunRecord[]): void {
    this.disk.history.save(runs, this.codec);
  }

  override runs(filter: StoredRunFilter, page: RunPageRequest): StoredRunPage {
    return this.disk.history.query(filter, page, this.codec);
  }

  override pruneRuns(options: PruneOptions): number {
    return this.disk.history.prune(options);
  }

  override onWake(listener: () => void): () => void {
    // A new function, so that the same listener given twice is two.
    const own = () => listener();
    this.disk.listeners.add(own);
    return () => void this.disk.listeners.delete(own);
  }

  override wake(_at: number): void {
    for (const listener of this.disk.listeners) {
      try {
        listener();
      } catch {
        // One that throws keeps no other one from hearing it.
      }
    }
  }
}
