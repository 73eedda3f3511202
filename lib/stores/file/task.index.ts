import { DueIndex } from '../due-index.js';
import type { DueFilter, DueOrder } from '../selection.interface.js';
import { compareText } from '../task-query.js';
import type { FileSignature } from './durable.fs.js';
import { IndexedTask } from './task.summary.js';
import type { TaskSummary, UnreadableSummary } from './task.summary.js';

/** What this process knows of the task files, by file name; by due time where they are readable and due at all. */
export class TaskIndex {
  readonly #tasks = new Map<string, IndexedTask>();
  readonly #unreadable = new Map<string, IndexedTask>();
  readonly #due = new DueIndex<IndexedTask>();
  /** What schedulers look for at their starts and stops, by file name. */
  readonly #startTasks = new Map<string, IndexedTask>();

  get size(): number {
    return this.#tasks.size;
  }

  all(): Iterable<IndexedTask> {
    return this.#tasks.values();
  }

  get(file: string): IndexedTask | undefined {
    return this.#tasks.get(file);
  }

  put(summary: TaskSummary | UnreadableSummary): IndexedTask {
    this.remove(summary.file);
    const entry = new IndexedTask(summary);
    this.#tasks.set(entry.file, entry);
    if (entry.isStartTask) this.#startTasks.set(entry.file, entry);
    if (entry.unreadable) this.#unreadable.set(entry.file, entry);
    else if (entry.key !== Infinity) this.#due.add(entry);
    return entry;
  }

  remove(file: string): void {
    const entry = this.#tasks.get(file);
    if (!entry) return;
    this.#tasks.delete(file);
    this.#unreadable.delete(file);
    this.#startTasks.delete(file);
    if (entry.heapSlot >= 0) this.#due.remove(entry);
  }

  /** Says what the file is that was being written. */
  sign(file: string, signature: FileSignature): void {
    const entry = this.#tasks.get(file);
    if (entry && entry.signature === null) this.put({ ...entry.summary, signature });
  }

  /** The tasks due by `now`, in the claim order. */
  due(now: number, limit: number, filter: DueFilter, order?: DueOrder): IndexedTask[] {
    return this.#due.due(now, limit, filter, order);
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
