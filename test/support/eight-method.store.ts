import { TaskConflictError } from '../../lib/errors/task.errors.js';
import { isUnreadable } from '../../lib/model/task.js';
import type { StoredTask, TaskRecord } from '../../lib/model/task.js';
import type { TaskCodec, TaskRow } from '../../lib/persistence/codec.interface.js';
import { BaseStore } from '../../lib/stores/base.store.js';
import { JournalLog } from '../../lib/stores/journal.log.js';
import { Mutex } from '../../lib/stores/mutex.js';
import { RunHistory } from '../../lib/stores/run-history.js';
import type { AddOptions, JournalOptions, StoreContext } from '../../lib/stores/store.interface.js';

/** What a slow disk holds: text by id, which outlives the store, and what the stores on one host share. */
export class Disk {
  open = true;
  /** How many calls the disk has left before it fails; null for any number. */
  #left: number | null = null;
  #hasFailed = false;
  readonly rows = new Map<string, string>();
  readonly lock = new Mutex();
  readonly history = new RunHistory();
  readonly journal = new JournalLog();
  readonly listeners = new Set<() => void>();

  /** Takes its time, so that everything else that is going on gets in between; fails when it is to. */
  async call(): Promise<void> {
    await new Promise((resolve) => setImmediate(resolve));
    if (this.#left === null) return;
    if (this.#left > 0) {
      this.#left -= 1;
      return;
    }
    this.#hasFailed = true;
    throw new Error('The disk is gone.');
  }

  /** Fails after some calls. Returns what mends it, which tells whether it has failed. */
  failAfter(calls: number): () => boolean {
    this.#left = calls;
    this.#hasFailed = false;
    return () => {
      this.#left = null;
      return this.#hasFailed;
    };
  }
}

/** The least that is a store: eight methods, each of which takes its time, over rows of text. */
export class EightMethodStore extends BaseStore {
  protected codec!: TaskCodec;

  constructor(readonly disk: Disk) {
    super();
  }

  override async start(context: StoreContext): Promise<void> {
    await super.start(context);
    this.codec = context.createCodec();
  }

  addTask(task: TaskRecord, options?: AddOptions): Promise<void> {
    return this.exclusive(async () => {
      if ((await this.read(task.id)) !== null) throw new TaskConflictError(task.id);
      await this.write(task, options);
    });
  }

  async lookupTask(id: string): Promise<StoredTask | null> {
    return this.read(id);
  }

  updateTask(task: TaskRecord, expectedVersion: number, options?: JournalOptions): Promise<void> {
    return this.exclusive(async () => {
      const stored = await this.read(task.id);
      this.assertReplaceable(task.id, stored, expectedVersion);
      await this.write(task, options);
    });
  }

  deleteTask(id: string, options?: JournalOptions): Promise<boolean> {
    return this.exclusive(async () => {
      await this.disk.call();
      const isDeleted = this.disk.rows.delete(id);
      if (isDeleted) this.note(options);
      return isDeleted;
    });
  }

  removeAllTasks(options?: JournalOptions): Promise<number> {
    return this.exclusive(async () => {
      await this.disk.call();
      const ids = [...this.disk.rows.keys()].filter((id) => !this.isInternal(id));
      for (const id of ids) this.disk.rows.delete(id);
      this.note(options);
      return ids.length;
    });
  }

  async getAllTasks(): Promise<readonly StoredTask[]> {
    return this.sorted(await this.readAll());
  }

  async getDueTasks(now: number): Promise<readonly TaskRecord[]> {
    return this.dueOf(await this.readAll(), now);
  }

  async getNextRunTime(): Promise<number | null> {
    return this.earliestOf(await this.readAll());
  }

  protected async read(id: string): Promise<StoredTask | null> {
    await this.disk.call();
    const text = this.disk.rows.get(id);
    return text === undefined ? null : this.decode(text);
  }

  protected async readAll(): Promise<StoredTask[]> {
    await this.disk.call();
    return Array.from(this.disk.rows.values(), (text) => this.decode(text));
  }

  /** Keeps entries of the journal together with what is written: not here, where that is left to `BaseStore`. */
  protected note(_options?: JournalOptions): void {}

  protected async write(task: TaskRecord, options?: JournalOptions): Promise<void> {
    const text = JSON.stringify(this.codec.encodeTask(task));
    await this.disk.call();
    this.disk.rows.set(task.id, text);
    this.note(options);
    // Here the answer may be lost although it was written.
    await this.disk.call();
  }

  protected decode(text: string): StoredTask {
    const task = this.codec.decodeTask(JSON.parse(text) as TaskRow);
    if (isUnreadable(task)) this.context.reportUnreadable(task);
    return task;
  }
}

/** Disks by namespace, with what the conformance kit needs to open, damage and remove them. */
export function createDisks() {
  const disks = new Map<string, Disk>();
  const diskOf = (namespace: string): Disk => {
    let disk = disks.get(namespace);
    if (!disk) disks.set(namespace, (disk = new Disk()));
    return disk;
  };
  return {
    diskOf,
    cleanup: ({ namespace }: { namespace: string }): void => void disks.delete(namespace),
    dump: ({ namespace }: { namespace: string }): string =>
      JSON.stringify([...diskOf(namespace).rows, ...diskOf(namespace).journal.rows()]),
    interrupt: ({ namespace, after }: { namespace: string; after: number }) => diskOf(namespace).failAfter(after),
    damage: ({ namespace, id }: { namespace: string; id: string }): (() => void) => {
      const { rows } = diskOf(namespace);
      const whole = rows.get(id)!;
      const row = JSON.parse(whole) as TaskRow;
      rows.set(id, JSON.stringify({ ...row, definition: row.definition.slice(0, -9) }));
      return () => void rows.set(id, whole);
    },
  };
}
