import { readdir, rm, rmdir } from 'node:fs/promises';
import { join } from 'node:path';
import { FileStoreError } from '../../errors/file-store.errors.js';
import { StoreUnavailableError } from '../../errors/store.errors.js';
import type { JournalRow, RunRow, TaskCodec } from '../../persistence/codec.interface.js';
import { MACHINE } from '../../model/clock.js';
import type { PruneJournalOptions } from '../../model/journal.js';
import type { StoreContext } from '../store.interface.js';
import { undoOnFailure } from '../undo-on-failure.js';
import { ChangeJournal } from './change.journal.js';
import { CommitQueue } from './commit.queue.js';
import { DirectoryLayout } from './directory.layout.js';
import { claimDirectory } from './directory.marker.js';
import type { Marker } from './directory.marker.js';
import { eachOf, hasCode, makeFolder, readText } from './durable.fs.js';
import type { ResolvedFileStoreOptions } from './file-store.options.js';
import { createHostLock } from './host.lock.js';
import type { HostLock } from './host.lock.js';
import { IndexSnapshot } from './index.snapshot.js';
import { lockRealm } from './lock.realm.js';
import { ProcessPresence } from './process.presence.js';
import { EntryArchive } from './entry.archive.js';
import { ENTRY_LINES } from './entry-line.format.js';
import { LineFiles } from './line.files.js';
import { RUN_LINES } from './run-line.format.js';
import { RunArchive } from './run.archive.js';
import { SchedulerFiles } from './scheduler.files.js';
import { TaskCatalog } from './task.catalog.js';
import { TaskFiles } from './task.files.js';
import { TaskFiling } from './task.filing.js';
import { WakeFolder } from '../wake.folder.js';

/** Read and write, as the folder's mode has it, but no right to execute. */
const NOT_EXECUTABLE = 0o666;

/** How many tasks there may be for a start to wait until all their files were looked at. */
const LOOKED_AT = 1_000;

/** How long a shutdown gives tasks their files, in milliseconds. What is left stays in the journal. */
const FILING_MS = 500;

/** Everything that is open while a store uses its directory. */
export class DirectorySession {
  readonly layout: DirectoryLayout;
  readonly codec: TaskCodec;
  readonly schedulers: SchedulerFiles;
  readonly wakeUps: WakeFolder;
  readonly runFiles: LineFiles<RunRow>;
  readonly entryFiles: LineFiles<JournalRow>;
  readonly entries: EntryArchive;
  readonly archive: RunArchive;
  readonly catalog: TaskCatalog;
  readonly queue: CommitQueue;
  readonly #journal: ChangeJournal;
  readonly #filing: TaskFiling;
  #looking: Promise<void> = Promise.resolve();

  private constructor(
    private readonly options: ResolvedFileStoreOptions,
    private readonly context: StoreContext,
    private readonly marker: Marker,
    private readonly lock: HostLock,
    private readonly presence: ProcessPresence,
  ) {
    const { directory, suffix, mode, serializer, fsync: flush } = options;
    const { logger } = context;
    const fileMode = mode & NOT_EXECUTABLE;
    this.layout = new DirectoryLayout(directory, suffix);
    this.codec = context.createCodec({ serializer });
    this.schedulers = new SchedulerFiles(this.layout.schedulers, fileMode);
    this.wakeUps = new WakeFolder(this.layout.wake, fileMode, logger);
    const { maxRecordBytes } = this.codec;
    const ofFiles = { layout: this.layout, mode: fileMode, flush, logger, maxRecordBytes };
    this.runFiles = new LineFiles({ ...ofFiles, folder: this.layout.runs, lines: RUN_LINES });
    this.archive = new RunArchive(this.runFiles);
    this.entryFiles = new LineFiles({ ...ofFiles, folder: this.layout.entries, lines: ENTRY_LINES });
    this.entries = new EntryArchive(this.entryFiles);
    const journal = new ChangeJournal({ path: this.layout.journal, mode: fileMode, flush, realm: lockRealm(), logger });
    const snapshot = new IndexSnapshot(this.layout.index, fileMode);
    this.#journal = journal;
    this.catalog = new TaskCatalog({
      layout: this.layout,
      codec: this.codec,
      files: new TaskFiles(this.layout, this.codec),
      journal,
      snapshot,
      report: (task) => context.reportUnreadable(task),
      entries: this.entries,
    });
    const { layout, catalog, runFiles: runs, entries } = this;
    const tools = { catalog, journal, runs, entries };
    this.#filing = new TaskFiling({ ...tools, layout, snapshot, fileMode, flush, logger });
    this.queue = new CommitQueue(lock, presence, catalog, tools, this.#filing);
  }

  /**
   * Makes the folders, sees to it that nobody else uses them who cannot share the lock, and reads all tasks.
   *
   * @throws FileStoreError When the disk does not let it.
   * @throws FileStoreFormatError When the directory was written in another format.
   * @throws StoreInUseError When it belongs to another scheduler, or is in use on another machine.
   */
  static async open(options: ResolvedFileStoreOptions, context: StoreContext): Promise<DirectorySession> {
    const { alias, scheduler } = context;
    const { directory, suffix, mode, lockTimeoutMs } = options;
    const fileMode = mode & NOT_EXECUTABLE;
    const layout = new DirectoryLayout(directory, suffix);
    if (context.readOnly && (await readText(layout.marker)) === null) {
      throw new StoreUnavailableError(`the directory ${directory}`, 'there is no store in it');
    }
    const [made] = await makeFolders(layout, mode);
    const marker = await claimDirectory(layout, { alias, scheduler: scheduler.name }, made!, fileMode);
    const presence = new ProcessPresence({
      folder: layout.processes,
      mode: fileMode,
      alias,
      scheduler: scheduler.identity,
      realm: lockRealm(),
    });
    const leave = () => presence.leave();
    return undoOnFailure(leave, async () => {
      await presence.enter();
      const lock = createHostLock(layout, marker.lock, lockTimeoutMs);
      const session = new DirectorySession(options, context, marker, lock, presence);
      await session.#begin();
      return session;
    });
  }

  async #begin(): Promise<void> {
    const release = await this.lock.acquire();
    try {
      // Only the holder of the lock has files here, so what is here was left by one that died.
      for (const file of await readdir(this.layout.temporary)) await rm(join(this.layout.temporary, file));
      await this.runFiles.mend();
      await this.entryFiles.mend();
      await this.archive.restore(await this.catalog.open());
      if (this.#journal.isOfAnotherRealm) await this.#filing.beginNew();
    } finally {
      release();
    }
    if (!this.context.readOnly) await this.schedulers.forgetOld(MACHINE.now());
    await this.#look();
    this.wakeUps.open();
    // What is in the journal is read as well as what has its file.
    if (!this.context.readOnly) await this.#filing.begin(this.queue);
  }

  /** See `Store.pruneJournal`. */
  async pruneJournal(options: PruneJournalOptions): Promise<number> {
    // Looked for without the lock.
    if (!(await this.entries.mayHaveOutdated(options))) return 0;
    return this.queue.run(async () => {
      if (this.entries.hasUnfiled) await this.#filing.beginNew();
      return this.entries.prune(options);
    }, true);
  }

  /** Looks at what was changed by hand while no process was here: without waiting for it where that is a lot. */
  async #look(): Promise<void> {
    if (!this.catalog.hasSnapshot) {
      if (this.context.readOnly) return;
      this.#looking = this.#filing.saveIndex();
      return;
    }
    const scan = this.catalog.scan();
    if (this.catalog.size <= LOOKED_AT) return scan;
    this.#looking = scan.catch((error: unknown) => {
      this.context.logger.warn(`Not all files of ${this.layout.directory} could be looked at: ${String(error)}`);
    });
  }

  /** Ends what is under way and gives everything back. */
  async close(): Promise<void> {
    await this.#looking;
    await this.#filing.end(this.options.cleanupDirectory ? 0 : FILING_MS);
    await this.queue.drained();
    await this.wakeUps.close();
    try {
      if (this.options.cleanupDirectory) await this.#removeEverything();
    } finally {
      await this.#journal.close();
      await this.runFiles.close();
      await this.entryFiles.close();
      await this.presence.leave();
    }
    if (this.options.cleanupDirectory) await this.#removeFolders();
  }

  /** Removes what the store has written, unless another process still uses it. */
  async #removeEverything(): Promise<void> {
    const release = await this.lock.acquire();
    try {
      if (!(await this.presence.isAlone())) {
        this.context.logger.info(`${this.layout.directory} is not cleaned up: another process still uses it`);
        return;
      }
      await this.catalog.lock();
      this.catalog.unlock();
      await this.catalog.scan();
      const { index } = this.catalog;
      const readable = [...index.all()].filter(({ unreadable }) => unreadable === null);
      const files = [...readable.map(({ file }) => file), ...Array.from(index.removed(), ([file]) => file)];
      await eachOf(files, (file) => rm(this.layout.task(file), { force: true }));
      for (const file of files) index.forget(file);
      for (const file of await this.runFiles.list()) await rm(join(this.layout.runs, file), { force: true });
      this.entries.forgetUnfiled();
      for (const file of await this.entryFiles.list()) await rm(join(this.layout.entries, file), { force: true });
      for (const [folder, ending] of [
        [this.layout.schedulers, /\.json(\.tmp)?$/],
        [this.layout.processes, /\.json$/],
        [this.layout.wake, /\.wake$/],
      ] as const) {
        for (const file of await readdir(folder)) if (ending.test(file)) await rm(join(folder, file), { force: true });
      }
      for (const path of [this.layout.index, this.layout.reserve]) await rm(path, { force: true });
      if (index.unfiledCount > 0) await this.#filing.beginNew();
      else await rm(this.layout.journal, { force: true });
      await rm(join(this.layout.home, 'lock'), { force: true });
      // A record that stays needs the marker, or nobody would know whose it is.
      if (index.size === 0) await rm(this.layout.marker, { force: true });
    } finally {
      release();
    }
  }

  /** Folders that hold something foreign stay. */
  async #removeFolders(): Promise<void> {
    const { directory } = this.layout;
    for (const folder of [...this.layout.folders].reverse()) {
      if (folder === directory && !this.marker.madeDirectory) continue;
      await rmdir(folder).catch((error: unknown) => {
        if (!hasCode(error, 'ENOTEMPTY', 'EEXIST', 'ENOENT')) throw new FileStoreError(folder, error);
      });
    }
  }
}

/** Returns for each folder whether it was made. */
async function makeFolders(layout: DirectoryLayout, mode: number): Promise<boolean[]> {
  const made: boolean[] = [];
  for (const folder of layout.folders) made.push(await makeFolder(folder, mode));
  return made;
}
