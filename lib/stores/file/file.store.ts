import type { Page, RunFilter, RunPage, RunPageRequest, TaskFilter, TaskPage, TaskSort } from '../../model/query.js';
import type { RunRecord } from '../../model/run.js';
import type { SchedulerInstance } from '../../model/scheduler-instance.js';
import { dueTime, isUnreadable } from '../../model/task.js';
import type { StoredTask, TaskRecord } from '../../model/task.js';
import { BaseStore } from '../base.store.js';
import type { Apply, Selection, StoreCapabilities, StoreContext, Transacted } from '../store.interface.js';
import { compareByDue, queryTasks } from '../task-query.js';
import { DirectorySession } from './directory.session.js';
import { eachOf } from './durable.fs.js';
import { encodeFileName } from './file-name.codec.js';
import { resolveFileStoreOptions } from './file-store.options.js';
import type { FileStoreOptions, ResolvedFileStoreOptions } from './file-store.options.js';
import { addAll, addOne, change, removeEvery, removeOne, replace } from './task.changes.js';
import type { EncodedTask } from './task.changes.js';
import { taskFacts } from './task.summary.js';

/**
 * Keeps each task in a file of a directory, shared by the processes of one host. Every change is on disk before its
 * operation resolves: written under a temporary name, flushed, and put in the place of what was there.
 *
 * Which processes count as one host, what a crash leaves, and what it costs: `docs/stores.md`.
 *
 * @publicApi
 */
export class FileStore extends BaseStore {
  override readonly capabilities: StoreCapabilities = {
    coordination: 'host',
    wakeUp: 'pushed',
    transactionalAdds: false,
    durable: true,
  };

  readonly #options: ResolvedFileStoreOptions;
  #session: DirectorySession | null = null;

  /**
   * @throws UnknownOptionError When there is an option that does not exist.
   * @throws InvalidOptionError When an option has a value that is not allowed.
   */
  constructor(options: FileStoreOptions) {
    super();
    this.#options = resolveFileStoreOptions(options);
  }

  /**
   * Opens the directory, and makes it if it is not there. May take up to 15 seconds when a process that could not share
   * it has died a moment ago, or seems so.
   *
   * @throws StoreInUseError When it belongs to a scheduler of another name, or is in use on another machine.
   * @throws FileStoreFormatError When it was written in another format, or with another suffix.
   * @throws FileStoreError When the disk does not let it; `code` says why.
   */
  override async start(context: StoreContext): Promise<void> {
    await super.start(context);
    try {
      this.#session = await DirectorySession.open(this.#options, context);
    } catch (error) {
      await super.shutdown();
      throw error;
    }
  }

  override async shutdown(): Promise<void> {
    const session = this.#session;
    this.#session = null;
    try {
      await session?.close();
    } finally {
      await super.shutdown();
    }
  }

  get #open(): DirectorySession {
    if (!this.#session) throw new Error('The store was used before it was started. This is a bug in nestjs-asyncz.');
    return this.#session;
  }

  async addTask(task: TaskRecord): Promise<void> {
    await this.#open.queue.run(addOne(this.#encode(task)));
  }

  /** All or nothing: when one cannot be written, none is. */
  override async addTasks(tasks: readonly TaskRecord[]): Promise<readonly string[]> {
    if (tasks.length === 0) return [];
    return this.#open.queue.run(addAll(tasks.map((task) => this.#encode(task))));
  }

  async lookupTask(id: string): Promise<StoredTask | null> {
    const { catalog } = this.#open;
    const loaded = await catalog.load(encodeFileName(id));
    if (loaded) return loaded.task;
    const file = catalog.index.fileOfUnreadable(id);
    return file === undefined ? null : ((await catalog.load(file))?.task ?? null);
  }

  async updateTask(task: TaskRecord, expectedVersion: number): Promise<void> {
    await this.#open.queue.run(replace(this.#encode(task), expectedVersion));
  }

  async deleteTask(id: string): Promise<boolean> {
    const { queue, catalog } = this.#open;
    return queue.run(removeOne(id, catalog));
  }

  async removeAllTasks(): Promise<number> {
    const { queue, catalog } = this.#open;
    return queue.run(removeEvery(catalog));
  }

  async getAllTasks(): Promise<readonly StoredTask[]> {
    const { catalog } = this.#open;
    await this.#refresh();
    await catalog.scan();
    return this.sorted(await this.#load(Array.from(catalog.index.all(), ({ file }) => file)));
  }

  async getDueTasks(now: number): Promise<readonly TaskRecord[]> {
    const { catalog } = this.#open;
    await this.#refresh();
    const files = catalog.index.due(now, Infinity, null).map(({ file }) => file);
    const due = (await this.#load(files)).filter((task): task is TaskRecord => {
      if (isUnreadable(task)) return false;
      const at = dueTime(task.definition, task.state);
      return at !== null && at <= now;
    });
    return due.sort(compareByDue);
  }

  getNextRunTime(): Promise<number | null> {
    return this.nextDueFor(null);
  }

  override async nextDueFor(handlers: readonly string[] | null): Promise<number | null> {
    await this.#refresh();
    return this.#open.catalog.firstDue(handlers);
  }

  override async transact<T>(selection: Selection, apply: Apply<T>): Promise<Transacted<T>> {
    const { queue, catalog, codec } = this.#open;
    const now = () => this.context.clock.now();
    if ('due' in selection) {
      const { limit, handlers } = selection.due;
      await this.#refresh();
      const isIdle = limit <= 0 || catalog.index.due(now(), 1, handlers).length === 0;
      if (isIdle) return { committed: [], missing: [], unreadable: [], failed: [], storeNow: now() };
    }
    return queue.run(change(selection, apply, { catalog, codec, now }));
  }

  override async query(filter: TaskFilter, sort: TaskSort, page: Page): Promise<TaskPage> {
    const { catalog } = this.#open;
    await this.#refresh();
    await catalog.scan();
    const { tasks, total } = queryTasks(Array.from(catalog.index.all(), taskFacts), filter, sort, page);
    const files = tasks.map(
      (task) => (isUnreadable(task) ? catalog.index.fileOfUnreadable(task.id) : undefined) ?? encodeFileName(task.id),
    );
    return { tasks: await this.#load(files), total };
  }

  override async runs(filter: RunFilter, page: RunPageRequest): Promise<RunPage> {
    const { archive, codec } = this.#open;
    return archive.query(filter, page, codec);
  }

  override async saveRuns(runs: readonly RunRecord[]): Promise<void> {
    const { archive, codec, queue } = this.#open;
    const rows = runs.map((run) => codec.encodeRun(run));
    await queue.run(async () => {
      await archive.save(rows);
      return () => {};
    });
  }

  override async pruneRuns(options: { before: number | null; keep: number | null; limit: number }): Promise<number> {
    const { archive, queue } = this.#open;
    // Found without the lock: what is outdated once stays so.
    const outdated = new Set((await archive.outdated(options)).slice(0, options.limit));
    if (outdated.size === 0) return 0;
    return queue.run(async () => {
      const removed = await archive.remove(outdated);
      return () => removed;
    });
  }

  override async heartbeat(instance: SchedulerInstance): Promise<void> {
    await this.#open.schedulers.write({ ...instance, heartbeatAt: this.context.clock.now() });
  }

  override async retire(identity: string): Promise<void> {
    await this.#open.schedulers.remove(identity);
  }

  override async schedulers(): Promise<readonly SchedulerInstance[]> {
    return this.#open.schedulers.list();
  }

  override onWake(listener: () => void): () => void {
    return this.#open.wakeUps.listen(listener);
  }

  override async wake(at: number): Promise<void> {
    await this.#session?.wakeUps.wake(at);
  }

  /** Encoded at once: what the caller changes later is no matter of ours. */
  #encode(task: TaskRecord): EncodedTask {
    return { task, row: this.#open.codec.encodeTask(task) };
  }

  /** Learns what other processes have done, and which unreadable records can be read by now. */
  async #refresh(): Promise<void> {
    const { catalog, queue } = this.#open;
    // Somebody is at it, or died at it: who has the lock knows.
    if (await catalog.refresh()) await queue.run(() => Promise.resolve(() => {}));
    await catalog.recheckUnreadable();
  }

  /** Reads files, in the order of their names; those that are gone are left out. */
  async #load(files: readonly string[]): Promise<StoredTask[]> {
    const { catalog } = this.#open;
    const loaded = new Map<string, StoredTask>();
    await eachOf(files, async (file) => {
      const one = await catalog.load(file);
      if (one) loaded.set(file, one.task);
    });
    return files.flatMap((file) => loaded.get(file) ?? []);
  }
}
