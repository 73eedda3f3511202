import { DueIndex } from '../due-index.js';
import type { DueFilter, DueOrder } from '../selection.interface.js';
import { compareText } from '../task-query.js';
import type { FileSignature } from './durable.fs.js';
import type { IndexedTask } from './task.summary.js';

/** What a record has besides definition and state, in bytes, more or less. */
const COLUMNS_BYTES = 400;

/** What was known of a file before something about it changed. */
export interface Before {
  readonly file: string;
  readonly entry: IndexedTask | undefined;
  readonly removed: FileSignature | undefined;
}

/**
 * What this process knows of the tasks, by file name; by due time where they are readable and due at all. Those that are not
 * in their files yet are here with their records.
 */
export class TaskIndex {
  readonly #tasks = new Map<string, IndexedTask>();
  readonly #unreadable = new Map<string, IndexedTask>();
  readonly #due = new DueIndex<IndexedTask>();
  /** What schedulers look for at their starts and stops, by file name. */
  readonly #startTasks = new Map<string, IndexedTask>();
  /** Those whose records are in no file; what has not changed for longest comes first. */
  readonly #unfiled = new Map<string, IndexedTask>();
  /** Files that are still there although their tasks are gone. */
  readonly #removed = new Map<string, FileSignature>();
  #unfiledBytes = 0;
  #gone: Set<string> | null = null;

  get size(): number {
    return this.#tasks.size;
  }

  /** How much is in no file yet, in bytes, more or less. */
  get unfiledBytes(): number {
    return this.#unfiledBytes;
  }

  /** How many files are not as they are to be. */
  get unfiledCount(): number {
    return this.#unfiled.size + this.#removed.size;
  }

  all(): Iterable<IndexedTask> {
    return this.#tasks.values();
  }

  unfiled(): Iterable<IndexedTask> {
    return this.#unfiled.values();
  }

  removed(): Iterable<readonly [file: string, signature: FileSignature]> {
    return this.#removed.entries();
  }

  get(file: string): IndexedTask | undefined {
    return this.#tasks.get(file);
  }

  /** Whether the task of a file is gone, and the file is not yet. */
  isRemoved(file: string): boolean {
    return this.#removed.has(file);
  }

  put(entry: IndexedTask): void {
    const { file } = entry;
    this.forget(file);
    this.#tasks.set(file, entry);
    if (entry.isStartTask) this.#startTasks.set(file, entry);
    if (entry.row) {
      this.#unfiled.set(file, entry);
      this.#unfiledBytes += bytesOf(entry);
    }
    if (entry.unreadable) this.#unreadable.set(file, entry);
    else if (entry.key !== Infinity) this.#due.add(entry);
  }

  /** A task is gone. Its file goes later, if it has one. */
  remove(file: string, signature: FileSignature | null): void {
    this.forget(file);
    if (signature !== null) this.#removed.set(file, signature);
  }

  /** Remembers, from now on or no longer, which files something was known of and nothing is any more. */
  trackGone(isTracked: boolean): void {
    this.#gone = isTracked ? new Set() : null;
  }

  /** Whether a file is one of these, or something is known of it. */
  isNews(file: string): boolean {
    return this.#tasks.has(file) || this.#removed.has(file) || this.#gone?.has(file) === true;
  }

  /** Nothing is known of a file any more. */
  forget(file: string): void {
    this.#gone?.add(file);
    if (this.#removed.size > 0) this.#removed.delete(file);
    const entry = this.#tasks.get(file);
    if (!entry) return;
    this.#tasks.delete(file);
    if (entry.unreadable) this.#unreadable.delete(file);
    if (entry.isStartTask) this.#startTasks.delete(file);
    if (entry.heapSlot >= 0) this.#due.remove(entry);
    if (!entry.row) return;
    this.#unfiled.delete(file);
    this.#unfiledBytes -= bytesOf(entry);
  }

  /** Nothing is known of any file. */
  clear(): void {
    // A map's keys may be deleted while they are walked over.
    for (const file of this.#tasks.keys()) this.forget(file);
    this.#removed.clear();
  }

  before(file: string): Before {
    return { file, entry: this.#tasks.get(file), removed: this.#removed.get(file) };
  }

  /** Makes what is known of a file what it was. */
  restore({ file, entry, removed }: Before): void {
    this.forget(file);
    if (entry) this.put(entry);
    else if (removed !== undefined) this.#removed.set(file, removed);
  }

  /** The tasks due by `now`, in the claim order. */
  due(now: number, limit: number, filter: DueFilter, order?: DueOrder): IndexedTask[] {
    return this.#due.due(now, limit, filter, order);
  }

  /** How many tasks are due by `now`, counted up to `atMost`. */
  count(now: number, atMost: number): number {
    return this.#due.count(now, atMost);
  }

  /** The task that is due first. */
  first(filter: DueFilter): IndexedTask | undefined {
    return this.#due.first(filter);
  }

  /** What schedulers look for at their starts and stops, behind an id, in the order of ids. */
  startTasks(after: string): IndexedTask[] {
    return [...this.#startTasks.values()].filter(({ id }) => id > after).sort((a, b) => compareText(a.id, b.id));
  }

  /** Files that cannot be read, the one that was put in first at the front. */
  unreadable(): Iterable<IndexedTask> {
    return this.#unreadable.values();
  }

  /** The file that is listed under an id that its name does not give away. */
  fileOfUnreadable(id: string): string | undefined {
    for (const entry of this.#unreadable.values()) if (entry.id === id) return entry.file;
    return undefined;
  }
}

function bytesOf({ row }: IndexedTask): number {
  return row!.definition.length + row!.state.length + COLUMNS_BYTES;
}
