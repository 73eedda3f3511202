import type { TaskLease } from '../../model/task.js';
import type { JournalRow, RunRow, TaskRow, TaskStateRow } from '../../persistence/codec.interface.js';
import type { ChangeJournal } from './change.journal.js';
import type { FileSignature } from './durable.fs.js';
import type { EntryArchive } from './entry.archive.js';
import {
  formatBegin,
  formatEnded,
  formatFiled,
  formatNote,
  formatPut,
  formatRemoval,
  formatState,
  formatTake,
} from './journal.format.js';
import type { FiledFile, TakenEntry } from './journal.format.js';
import type { LineFiles } from './line.files.js';
import type { TaskCatalog } from './task.catalog.js';
import type { LoadedFile } from './task.files.js';
import type { Before } from './task.index.js';
import { IndexedTask, ownRow, takenRow } from './task.summary.js';

/** What a batch is made with. */
export interface BatchTools {
  readonly catalog: TaskCatalog;
  readonly journal: ChangeJournal;
  readonly runs: LineFiles<RunRow>;
  readonly entries: EntryArchive;
}

/** Where a batch was, to go back to it. */
export interface Mark {
  readonly lines: string;
  readonly runs: number;
  readonly notes: number;
  readonly before: number;
}

/** The beginning of every batch. */
export const NOTHING: Mark = { lines: '', runs: 0, notes: 0, before: 0 };

/** A task that is to be taken, and the lease that it comes under. */
export interface Taking {
  readonly file: string;
  readonly row: TaskRow;
  readonly lease: TaskLease;
}

/**
 * Changes of one or several operations that become one group of the journal, with the lock. The index has them at once, so
 * that the next operation sees what the one before has done, and loses them again when they cannot be written.
 */
export class ChangeBatch {
  #lines = '';
  #runs: RunRow[] = [];
  #notes: JournalRow[] = [];
  #before: Before[] = [];
  /** What was known of each file before the first change. */
  readonly #unwritten = new Map<string, Before>();
  #frees = true;

  constructor(private readonly tools: BatchTools) {
    tools.catalog.setUnwritten(this.#unwritten);
  }

  /** How much is to be written, in characters. */
  get size(): number {
    return this.#lines.length;
  }

  /** Whether all that it does is to remove tasks, so that there is more room afterwards. */
  get frees(): boolean {
    return this.#frees && this.#lines !== '';
  }

  /** What is under the name of a file, with all that was changed in this batch; null for nothing. */
  read(file: string): Promise<LoadedFile | null> {
    return this.tools.catalog.load(file);
  }

  /** What the journal has of a task that can be read; null when it has nothing, and when only the file has. */
  rowInJournal(file: string): TaskRow | null {
    const entry = this.tools.catalog.index.get(file);
    return entry && !entry.unreadable ? entry.row : null;
  }

  /** Whether anything is under the name of a file. */
  isThere(file: string): Promise<boolean> {
    return this.tools.catalog.isThere(file);
  }

  /** Puts a task, as a whole. */
  put(file: string, row: TaskRow): void {
    const signature = this.#change(file);
    this.tools.catalog.index.put(IndexedTask.unfiled(file, ownRow(row), signature));
    this.#lines += formatPut(row, signature);
    this.#frees = false;
  }

  /** Changes the state of a task. @param row What is stored of it. */
  putState(file: string, row: TaskRow, state: TaskStateRow): void {
    if (!this.#isInJournal(file)) return this.put(file, { ...row, ...state });
    const signature = this.#change(file);
    this.tools.catalog.index.put(IndexedTask.unfiled(file, ownRow({ ...row, ...state }), signature));
    this.#lines += formatState(state);
    this.#frees = false;
  }

  /** Puts tasks under leases of one owner that begin and end together. */
  take(takings: readonly Taking[]): void {
    const tasks: TakenEntry[] = [];
    for (const { file, row, lease } of takings) {
      const taken = takenRow(row, lease, row.version + 1);
      if (this.#isInJournal(file)) {
        const signature = this.#change(file);
        this.tools.catalog.index.put(IndexedTask.unfiled(file, taken, signature));
        tasks.push([row.id, taken.version, lease.token, lease.attempt]);
      } else {
        this.put(file, taken);
      }
    }
    if (tasks.length === 0) return;
    const { owner, at, until } = takings[0]!.lease;
    this.#lines += formatTake({ owner, at, until, tasks });
    this.#frees = false;
  }

  /** Removes a task. */
  remove(file: string): void {
    const signature = this.#change(file);
    this.tools.catalog.index.remove(file, signature);
    this.#lines += formatRemoval(file, signature);
  }

  /** Keeps ended runs. */
  end(runs: readonly RunRow[]): void {
    for (const run of runs) {
      this.#lines += formatEnded(run);
      this.#runs.push(run);
      this.#frees = false;
    }
  }

  /** Keeps entries of the journal of tasks. */
  note(rows: readonly JournalRow[]): void {
    for (const row of rows) {
      this.#lines += formatNote(row);
      this.#notes.push(row);
    }
  }

  /** Says that files are about to be written or removed. */
  begin(files: readonly string[]): void {
    for (const file of files) this.#change(file);
    this.tools.catalog.follower.begin(files);
    this.#lines += formatBegin(files);
  }

  /** Says that files have what the journal had of them. */
  filed(files: readonly FiledFile[]): void {
    for (const [file] of files) this.#change(file);
    this.tools.catalog.follower.filed(files);
    this.#lines += formatFiled(files);
  }

  mark(): Mark {
    return { lines: this.#lines, runs: this.#runs.length, notes: this.#notes.length, before: this.#before.length };
  }

  /** Takes everything back since then. */
  back({ lines, runs, notes, before }: Mark): void {
    this.#lines = lines;
    this.#runs.length = runs;
    this.#notes.length = notes;
    for (const one of this.#before.splice(before).reverse()) this.tools.catalog.index.restore(one);
    this.#unwritten.clear();
    for (const one of this.#before) if (!this.#unwritten.has(one.file)) this.#unwritten.set(one.file, one);
  }

  /** Writes it. When it rejects, nothing was changed. */
  async write(): Promise<void> {
    if (this.#lines === '') return;
    const { runs, journal, entries } = this.tools;
    try {
      // The history is there before the change that it belongs to: a crash in between repeats an entry and loses none.
      const takeBack = await runs.append(this.#runs);
      await journal.append(this.#lines).catch(async (error: unknown) => {
        await takeBack();
        throw error;
      });
    } catch (error) {
      this.back(NOTHING);
      throw error;
    }
    entries.add(this.#notes);
    this.#lines = '';
    this.#runs = [];
    this.#notes = [];
    this.#before = [];
    this.#unwritten.clear();
  }

  /** Remembers what is known of a file. Returns what the file is. */
  #change(file: string): FileSignature | null {
    const before = this.tools.catalog.index.before(file);
    this.#before.push(before);
    if (!this.#unwritten.has(file)) this.#unwritten.set(file, before);
    return before.entry?.signature ?? before.removed ?? null;
  }

  #isInJournal(file: string): boolean {
    return this.rowInJournal(file) !== null;
  }
}
