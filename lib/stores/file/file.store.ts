import type {
  PageRequest,
  StoredRunFilter,
  StoredRunPage,
  RunPageRequest,
  StoredTaskFilter,
  StoredTaskPage,
  TaskSort,
} from '../../model/query.js';
import type {
  JournalEntry,
  JournalPageRequest,
  PruneJournalOptions,
  StoredJournalFilter,
  StoredJournalPage,
} from '../../model/journal.js';
import type { RunRecord } from '../../model/run.js';
import type { SchedulerInstance } from '../../model/scheduler-instance.js';
import { isUnreadable } from '../../model/task.js';
import { isOfKind } from '../../model/start-tasks.js';
import type { StartTaskKind, StartTaskPage, StartTaskPageRequest } from '../../model/start-tasks.js';
import type { StoredTask, TaskRecord } from '../../model/task.js';
import { BaseStore } from '../base.store.js';
import type { JournalOptions, PruneOptions, StoreCapabilities, StoreContext, Transacted } from '../store.interface.js';
import type { DueFilter, Selection } from '../selection.interface.js';
import type { Exchange, Exchanged } from '../exchange.interface.js';
import type { Apply } from '../../model/change.js';
import { queryTasks } from '../task-query.js';
import { undoOnFailure } from '../undo-on-failure.js';
import { DirectorySession } from './directory.session.js';
import { withTypedErrors } from './durable.fs.js';
import { encodeFileName } from './file-name.codec.js';
import { resolveFileStoreOptions } from './file-store.options.js';
import type { FileStoreOptions, ResolvedFileStoreOptions } from './file-store.options.js';
import { addAll, addOne, change, encodeEach, removeEvery, removeOne, replace } from './task.changes.js';
import { rowsOf } from './entry-line.format.js';
import { exchangeIn } from './task.exchange.js';
import { learn, loadTasks, refresh } from './task.reads.js';
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
    takes: true,
    journal: 'atomic',
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

  /** The directory. */
  get address(): string {
    return `the directory ${this.#options.directory}`;
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
    this.#session = await undoOnFailure(
      () => super.shutdown(),
      () => withTypedErrors(this.#options.directory, () => DirectorySession.open(this.#options, context)),
    );
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

  async addTask(task: TaskRecord, { journal }: JournalOptions = {}): Promise<void> {
    await this.#with(async ({ queue, codec }) => queue.run(addOne(codec.encodeTask(task), rowsOf(journal, codec))));
    this.tellOf([task]);
  }

  /** All or nothing: when one cannot be written, none is. */
  override async addTasks(tasks: readonly TaskRecord[], { journal }: JournalOptions = {}): Promise<readonly string[]> {
    if (tasks.length === 0) return [];
    const conflicts = await this.#with(async ({ queue, codec }) => {
      const rows = await encodeEach(tasks, codec);
      return queue.run(addAll(rows, rowsOf(journal, codec)));
    });
    this.tellOf(tasks);
    return conflicts;
  }

  lookupTask(id: string): Promise<StoredTask | null> {
    return this.#with(async (session) => {
      const { catalog } = session;
      await learn(session);
      const loaded = await catalog.read(encodeFileName(id));
      if (loaded) return loaded.task;
      const file = catalog.index.fileOfUnreadable(id);
      return file === undefined ? null : ((await catalog.read(file))?.task ?? null);
    });
  }

  async updateTask(task: TaskRecord, expectedVersion: number): Promise<void> {
    await this.#with(async ({ queue, codec }) => queue.run(replace(codec.encodeTask(task), expectedVersion)));
  }

  deleteTask(id: string, { journal }: JournalOptions = {}): Promise<boolean> {
    return this.#with(({ queue, catalog, codec }) => queue.run(removeOne(id, catalog, rowsOf(journal, codec))));
  }

  removeAllTasks({ journal }: JournalOptions = {}): Promise<number> {
    return this.#with(({ queue, catalog, codec }) => queue.run(removeEvery(catalog, rowsOf(journal, codec))));
  }

  getAllTasks(): Promise<readonly StoredTask[]> {
    return this.#with(async (session) => {
      const { catalog } = session;
      await refresh(session);
      await catalog.scan();
      return this.sorted(
        await loadTasks(
          catalog,
          Array.from(catalog.all(), ({ file }) => file),
        ),
      );
    });
  }

  getDueTasks(now: number): Promise<readonly TaskRecord[]> {
    return this.#with(async (session) => {
      const { catalog } = session;
      await refresh(session);
      await catalog.knowsUntil(now);
      const files = catalog.index.due(now, Infinity, { handlers: null }).map(({ file }) => file);
      return this.dueOf(await loadTasks(catalog, files), now);
    });
  }

  getNextRunTime(): Promise<number | null> {
    return this.nextDueFor({ handlers: null });
  }

  override nextDueFor(filter: DueFilter): Promise<number | null> {
    return this.#with(async (session) => {
      await refresh(session);
      return session.catalog.firstDue(filter);
    });
  }

  override countDue(now: number, atMost: number): Promise<number> {
    return this.#with(async (session) => {
      await refresh(session);
      await session.catalog.knowsUntil(now);
      return session.catalog.index.count(now, atMost);
    });
  }

  override transact<T>(selection: Selection, apply: Apply<T>): Promise<Transacted<T>> {
    const now = () => this.context.clock.now();
    return this.#with(async (session) => {
      const { queue, catalog, codec } = session;
      if ('due' in selection) {
        await refresh(session);
        await catalog.knowsUntil(now());
        const isIdle = selection.due.limit <= 0 || catalog.index.due(now(), 1, selection.due).length === 0;
        if (isIdle) return { committed: [], left: [], missing: [], unreadable: [], failed: [], storeNow: now() };
      }
      return queue.run(change(selection, apply, { catalog, codec, now }));
    });
  }

  override exchange(wanted: Exchange): Promise<Exchanged> {
    return this.#with((session) => exchangeIn(session, wanted, () => this.context.clock.now()));
  }

  override query(filter: StoredTaskFilter, sort: TaskSort, page: PageRequest): Promise<StoredTaskPage> {
    return this.#with(async (session) => {
      const { catalog } = session;
      await refresh(session);
      await catalog.scan();
      const { tasks, total } = queryTasks(Array.from(catalog.all(), taskFacts), filter, sort, page);
      const files = tasks.map(
        (task) => (isUnreadable(task) ? catalog.index.fileOfUnreadable(task.id) : undefined) ?? encodeFileName(task.id),
      );
      return { tasks: await loadTasks(catalog, files), total };
    });
  }

  override startTasks(kind: StartTaskKind, { limit, cursor = '' }: StartTaskPageRequest): Promise<StartTaskPage> {
    return this.#with(async (session) => {
      const { catalog } = session;
      await refresh(session);
      const found = catalog.index.startTasks(cursor);
      const page = found.slice(0, limit);
      const loaded = await loadTasks(
        catalog,
        page.map(({ file }) => file),
      );
      const tasks = loaded.filter((task): task is TaskRecord => !isUnreadable(task) && isOfKind(task.definition, kind));
      return { tasks, next: found.length > limit ? page.at(-1)!.id : null };
    });
  }

  override runs(filter: StoredRunFilter, page: RunPageRequest): Promise<StoredRunPage> {
    return this.#with(({ archive, codec }) => archive.query(filter, page, codec));
  }

  override async saveRuns(runs: readonly RunRecord[]): Promise<void> {
    await this.#with(({ archive, codec, queue }) => {
      const rows = runs.map((run) => codec.encodeRun(run));
      return queue.run(async (batch) => batch.end(await archive.replace(rows)));
    });
  }

  override pruneRuns(options: PruneOptions): Promise<number> {
    return this.#with(async ({ archive, queue }) => {
      // Found without the lock.
      const outdated = await archive.outdated(options);
      if (outdated.length === 0) return 0;
      return queue.run(() => archive.remove(outdated));
    });
  }

  override async appendJournal(entries: readonly JournalEntry[]): Promise<void> {
    if (entries.length === 0) return;
    await this.#with(({ queue, codec }) => queue.run(async (batch) => batch.note(rowsOf(entries, codec))));
  }

  override journal(filter: StoredJournalFilter, page: JournalPageRequest): Promise<StoredJournalPage> {
    return this.#with(async (session) => {
      await refresh(session);
      return session.entries.query(filter, page, session.codec);
    });
  }

  override pruneJournal(options: PruneJournalOptions): Promise<number> {
    return this.#with((session) => session.pruneJournal(options));
  }

  override async heartbeat(instance: SchedulerInstance): Promise<void> {
    const heartbeatAt = this.context.clock.now();
    await this.#with(({ schedulers }) => schedulers.write({ ...instance, heartbeatAt }));
  }

  override async retire(identity: string): Promise<void> {
    await this.#with(({ schedulers }) => schedulers.remove(identity));
  }

  override schedulers(): Promise<readonly SchedulerInstance[]> {
    return this.#with(({ schedulers }) => schedulers.list());
  }

  override onWake(listener: () => void): () => void {
    return this.#session?.wakeUps.listen(listener) ?? (() => {});
  }

  override async wake(at: number): Promise<void> {
    await this.#session?.wakeUps.wake(at);
  }

  /** Works on the open directory. What goes wrong with a file is told with its path. */
  async #with<T>(work: (session: DirectorySession) => Promise<T>): Promise<T> {
    const session = this.#session;
    if (!session) throw new Error('The store was used before it was started. This is a bug in nestjs-asyncz.');
    return withTypedErrors(this.#options.directory, () => work(session));
  }
}
