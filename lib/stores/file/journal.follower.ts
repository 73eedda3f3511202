import { isUnreadable } from '../../model/task.js';
import type { StoredTask, UnreadableTask } from '../../model/task.js';
import type { JournalRow, RunRow, TaskCodec, TaskRow, TaskStateRow } from '../../persistence/codec.interface.js';
import type { FileSignature } from './durable.fs.js';
import type { EntryArchive } from './entry.archive.js';
import { encodeFileName } from './file-name.codec.js';
import type { FiledFile, JournalReader, TakenLine } from './journal.format.js';
import type { TaskIndex } from './task.index.js';
import { ABOUT_TO_BE_WRITTEN, IndexedTask, columnsOf, takenRow } from './task.summary.js';

/** Keeps the index as the journal says. */
export class JournalFollower implements JournalReader {
  /** Files whose records this process may not be able to read: only reading tells. */
  readonly unknown = new Set<string>();
  /** The ended runs of the journal, while they are asked for. */
  runs: RunRow[] | null = null;
  #readable: ReadonlySet<string>;

  constructor(
    private readonly index: TaskIndex,
    private readonly codec: TaskCodec,
    private readonly report: (task: UnreadableTask) => void,
    private readonly entries: EntryArchive,
  ) {
    this.#readable = new Set(codec.readable());
  }

  /** Looks which keys and serializers there are. Returns whether there are new ones. */
  renewKeys(): boolean {
    const readable = this.codec.readable();
    const areNew = readable.some((key) => !this.#readable.has(key));
    this.#readable = new Set(readable);
    return areNew;
  }

  /** Whether there is what it takes to read a record. */
  canRead({ codec }: Pick<TaskRow, 'codec'>): boolean {
    return this.#readable.has(codec);
  }

  put(row: TaskRow, filed: FileSignature | null): void {
    const file = encodeFileName(row.id);
    this.unknown.delete(file);
    if (this.canRead(row)) this.index.put(IndexedTask.unfiled(file, row, filed));
    else this.place(file, row, filed, this.codec.decodeTask(row));
  }

  state(state: TaskStateRow): void {
    const entry = this.index.get(encodeFileName(state.id));
    if (entry?.row) this.put({ ...entry.row, ...state }, entry.signature);
  }

  take({ owner, at, until, tasks }: TakenLine): void {
    for (const [id, version, token, attempt] of tasks) {
      const entry = this.index.get(encodeFileName(id));
      if (!entry?.row) continue;
      this.put(takenRow(entry.row, { owner, token, at, attempt, until }, version), entry.signature);
    }
  }

  remove(file: string, filed: FileSignature | null): void {
    this.index.remove(file, filed);
    this.unknown.delete(file);
  }

  get wantsRuns(): boolean {
    return this.runs !== null;
  }

  run(run: RunRow): void {
    this.runs?.push(run);
  }

  entry(row: JournalRow): void {
    this.entries.add([row]);
  }

  /** Who has begun the new journal has put them into files before. */
  renewed(): void {
    this.entries.forgetUnfiled();
  }

  begin(files: readonly string[]): void {
    for (const file of files) {
      const entry = this.index.get(file);
      if (entry?.row) this.index.put(entry.with({ signature: ABOUT_TO_BE_WRITTEN }));
    }
  }

  filed(files: readonly FiledFile[]): void {
    for (const [file, signature] of files) {
      const entry = this.index.get(file);
      if (!entry) this.index.forget(file);
      else if (entry.row && signature !== null) this.#putFiled(entry, entry.row, signature);
    }
  }

  #putFiled(entry: IndexedTask, row: TaskRow, signature: FileSignature): void {
    const columns = entry.unreadable ? null : columnsOf(row);
    this.index.put(entry.with({ columns, row: null, signature }));
  }

  place(file: string, row: TaskRow, signature: FileSignature | null, task: StoredTask): void {
    if (isUnreadable(task)) this.putUnreadable(file, row, signature, task);
    else this.index.put(IndexedTask.unfiled(file, row, signature));
  }

  putUnreadable(file: string, row: TaskRow | null, signature: FileSignature | null, unreadable: UnreadableTask): void {
    this.index.put(new IndexedTask({ file, columns: null, row, signature, unreadable }));
    this.report(unreadable);
  }
}
