import { readdir } from 'node:fs/promises';
import type { StoredTask, UnreadableTask } from '../../model/task.js';
import { isUnreadable } from '../../model/task.js';
import type { RunRow, TaskCodec, TaskRow } from '../../persistence/codec.interface.js';
import type { DueFilter } from '../selection.interface.js';
import type { ChangeJournal } from './change.journal.js';
import type { DirectoryLayout } from './directory.layout.js';
import { Breather } from './breather.js';
import { eachOf, signatureAt, signatureNow } from './durable.fs.js';
import type { FileSignature } from './durable.fs.js';
import type { EntryArchive } from './entry.archive.js';
import type { IndexSnapshot, LoadedSnapshot } from './index.snapshot.js';
import { JournalFollower } from './journal.follower.js';
import { formatNote, formatPut, formatRemoval } from './journal.format.js';
import type { LoadedFile, TaskFiles } from './task.files.js';
import { TaskIndex } from './task.index.js';
import type { Before } from './task.index.js';
import { IndexedTask, columnsOf } from './task.summary.js';

/** How many unreadable files one look checks for a change: a bound for a directory full of them. */
const RECHECKS = 64;

/** How often the first due task may turn out to have changed behind everybody's back in one look. */
const TRIES = 10_000;

/** How many characters a group of a new journal has, more or less: so many are put together at a time. */
const CARRIED_AT_ONCE = 500_000;

/** What a catalog is made with. */
export interface CatalogTools {
  readonly layout: DirectoryLayout;
  readonly codec: TaskCodec;
  readonly files: TaskFiles;
  readonly journal: ChangeJournal;
  readonly snapshot: IndexSnapshot;
  readonly report: (task: UnreadableTask) => void;
  readonly entries: EntryArchive;
}

/**
 * What is in the directory, as this process knows it: the index, kept up to date by the journal, and by the files
 * themselves where they were changed by hand.
 */
export class TaskCatalog {
  readonly index = new TaskIndex();
  readonly follower: JournalFollower;
  #unwritten: ReadonlyMap<string, Before> = new Map();
  #mustScan = false;
  #snapshot: LoadedSnapshot | null = null;
  /** Whether all of it is in the index. */
  #isWhole = true;
  #rest: Promise<void> = Promise.resolve();
  #reading: Promise<boolean> | null = null;
  #locked = false;

  constructor(private readonly tools: CatalogTools) {
    this.follower = new JournalFollower(this.index, tools.codec, tools.report, tools.entries);
  }

  /**
   * Learns all there is, with the lock, and nothing else under way.
   *
   * @returns The ended runs that may be in no other file than the journal.
   */
  async open(): Promise<readonly RunRow[]> {
    const runs: RunRow[] = [];
    this.follower.runs = runs;
    await this.#reload();
    this.follower.runs = null;
    return this.tools.journal.isOfAnotherRealm ? runs : [];
  }

  /** Whether the files were not all read at the start. */
  get hasSnapshot(): boolean {
    return this.#snapshot !== null;
  }

  /** How many tasks there are, with those that are not in the index yet. */
  get size(): number {
    return this.index.size + (this.#isWhole ? 0 : this.#snapshot!.restCount);
  }

  /**
   * Learns what others have done.
   *
   * @returns Whether something is missing that only whoever has the lock can find out.
   */
  refresh(): Promise<boolean> {
    // While this process has the lock nobody else can do anything.
    if (this.#locked && !this.#reading) return Promise.resolve(false);
    return this.#read(false);
  }

  /** The same for who has just got the lock. Until {@link unlock} nothing more is to be learned. */
  async lock(): Promise<void> {
    while (this.#reading) await this.#reading.catch(() => {});
    await this.#read(true);
    this.#locked = true;
  }

  unlock(): void {
    this.#locked = false;
  }

  /** Resolves when every task is in the index that is due by then. */
  async knowsUntil(time: number): Promise<void> {
    if (this.#isWhole || time < this.#snapshot!.restFrom) return;
    await this.#rest;
    await this.#learnRest();
  }

  /** Looks at all files, and reads those that are not as they were. */
  async scan(): Promise<void> {
    const { layout } = this.tools;
    await this.#rest;
    const there = new Set<string>();
    for (const file of await readdir(layout.directory)) {
      const name = layout.nameOf(file);
      if (name !== null) there.add(name);
    }
    const changed: string[] = [];
    const breather = new Breather();
    for (const name of there) {
      await breather.breathe();
      const entry = this.index.get(name);
      if (entry?.row || this.index.isRemoved(name)) continue;
      if (!entry || signatureNow(layout.task(name)) !== entry.signature) changed.push(name);
    }
    for (const { file, row } of this.index.all()) if (!row && !there.has(file)) changed.push(file);
    await eachOf(changed, async (name) => void (await this.load(name)));
    this.#mustScan = false;
  }

  /** What is under the name of a file for everybody: what is not written yet does not count. */
  read(file: string): Promise<LoadedFile | null> {
    const before = this.#unwritten.get(file);
    if (!before) return this.load(file);
    const { row = null, signature = null } = before.entry ?? {};
    if (row) return Promise.resolve(loadedRow(file, signature, row, this.tools.codec.decodeTask(row)));
    return before.entry ? this.tools.files.load(file) : Promise.resolve(null);
  }

  /** All there is for everybody. */
  all(): Iterable<IndexedTask> {
    if (this.#unwritten.size === 0) return this.index.all();
    const written = Array.from(this.index.all()).filter(({ file }) => !this.#unwritten.has(file));
    return [...written, ...Array.from(this.#unwritten.values(), ({ entry }) => entry).filter((entry) => !!entry)];
  }

  /** Says what was known of the files that are changed in the index and not written yet. */
  setUnwritten(before: ReadonlyMap<string, Before>): void {
    this.#unwritten = before;
  }

  /** What is under the name of a file: in the journal, or in the file. */
  async load(file: string): Promise<LoadedFile | null> {
    const before = this.index.get(file);
    if (before?.row) return this.#decode(before, before.row);
    if (this.index.isRemoved(file)) return null;
    const loaded = await this.tools.files.load(file);
    if (this.index.get(file) !== before || this.index.isRemoved(file)) return loaded;
    if (loaded === null) {
      this.index.forget(file);
    } else if (isUnreadable(loaded.task)) {
      this.follower.putUnreadable(file, null, loaded.signature, loaded.task);
    } else if (!before || before.unreadable || before.signature !== loaded.signature) {
      const { signature } = loaded;
      this.index.put(
        new IndexedTask({ file, columns: columnsOf(loaded.row!), row: null, signature, unreadable: null }),
      );
    }
    return loaded;
  }

  /** Whether anything is under the name of a file. */
  async isThere(file: string): Promise<boolean> {
    const entry = this.index.get(file);
    if (entry?.row) return true;
    if (this.index.isRemoved(file)) return false;
    // Of a new task there is nothing: to be told so by an error would be most of what adding it costs.
    if (!entry && signatureNow(this.tools.layout.task(file)) === null) return false;
    return (await this.load(file)) !== null;
  }

  /** Looks again at records that could not be read, where their files have changed or the keys have. */
  async recheckUnreadable(): Promise<void> {
    const { layout } = this.tools;
    const newKeys = this.follower.renewKeys();
    const all = [...this.index.unreadable()];
    await eachOf(newKeys ? all : all.slice(0, RECHECKS), async (entry) => {
      const same = entry.row !== null || entry.signature === (await signatureAt(layout.task(entry.file)));
      const reason = entry.unreadable!.unreadable;
      const mayHeal = newKeys && (reason === 'wrong-key' || reason === 'unknown-serializer');
      if (!same || mayHeal) await this.load(entry.file);
      // The next look begins with those that this one did not reach.
      else if (all.length > RECHECKS && this.index.get(entry.file) === entry) this.index.put(entry);
    });
  }

  /** When the first task that is asked for is due; null for never. Its file was not read, but is as it was. */
  async firstDue(filter: DueFilter): Promise<number | null> {
    await this.knowsUntil(this.index.first(filter)?.key ?? Infinity);
    for (let tries = 0; tries < TRIES; tries += 1) {
      const first = this.index.first(filter);
      if (!first || first.row || first.signature === (await signatureAt(this.tools.layout.task(first.file)))) {
        return first?.key ?? null;
      }
      await this.load(first.file);
    }
    return this.index.first(filter)?.key ?? null;
  }

  /** What a new journal has to begin with: all that is in no file yet. */
  *carried(): Iterable<string> {
    let lines = '';
    for (const row of this.tools.entries.unfiled()) lines += formatNote(row);
    for (const [file, signature] of this.index.removed()) lines += formatRemoval(file, signature);
    // A copy: while a journal is written, what is only read again may change its place in the index.
    for (const { row, signature } of Array.from(this.index.unfiled())) {
      lines += formatPut(row!, signature);
      if (lines.length < CARRIED_AT_ONCE) continue;
      yield lines;
      lines = '';
    }
    if (lines !== '') yield lines;
  }

  /** Reads a record of the journal, and remembers whether it can be read. */
  #decode({ file, signature, unreadable }: IndexedTask, row: TaskRow): LoadedFile {
    const task = this.tools.codec.decodeTask(row);
    if (isUnreadable(task) !== (unreadable !== null)) this.follower.place(file, row, signature, task);
    return loadedRow(file, signature, row, task);
  }

  #read(locked: boolean): Promise<boolean> {
    this.#reading ??= this.#apply(locked).finally(() => (this.#reading = null));
    return this.#reading;
  }

  async #apply(locked: boolean): Promise<boolean> {
    const { journal } = this.tools;
    const news = await journal.read(locked, this.follower);
    if (news === 'missed' && !locked) return true;
    if (news === 'missed') await this.#reload();
    // Somebody has removed it. All that it had is known here.
    else if (news === 'absent') await journal.replace(this.carried());
    await this.#learnRest();
    return false;
  }

  async #learnRest(): Promise<void> {
    const unknown = [...this.follower.unknown];
    this.follower.unknown.clear();
    await eachOf(unknown, async (file) => void (await this.load(file)));
    if (this.#mustScan) await this.scan();
  }

  /** Learns everything anew, with the lock. */
  async #reload(): Promise<void> {
    const { journal, snapshot } = this.tools;
    if (!(await journal.open())) {
      // What is known of it is all there is.
      await journal.replace(this.carried());
      this.#mustScan = true;
      return this.#learnRest();
    }
    this.index.clear();
    this.tools.entries.forgetUnfiled();
    await this.#rest;
    this.#snapshot = await snapshot.load(journal.number, (entry) => this.#putKnown(entry));
    this.#mustScan = this.#snapshot === null;
    // What the journal tells is newer than what is read afterwards.
    this.index.trackGone(true);
    if ((await journal.read(true, this.follower)) !== 'read') this.#mustScan = true;
    this.#isWhole = this.#snapshot === null;
    this.#rest = this.#loadRest(this.#snapshot);
    await this.#learnRest();
  }

  async #loadRest(snapshot: LoadedSnapshot | null): Promise<void> {
    const isWhole = await snapshot
      ?.rest((entry) => {
        if (!this.index.isNews(entry.file)) this.#putKnown(entry);
      })
      .catch(() => false);
    this.#isWhole = true;
    this.index.trackGone(false);
    if (isWhole === false) this.#mustScan = true;
  }

  #putKnown(entry: IndexedTask): void {
    if (!this.follower.canRead(entry.columns!)) this.follower.unknown.add(entry.file);
    this.index.put(entry);
  }
}

function loadedRow(file: string, signature: FileSignature | null, row: TaskRow, task: StoredTask): LoadedFile {
  return { file, signature, task, row: isUnreadable(task) ? null : row };
}
