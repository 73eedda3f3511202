import { randomBytes } from 'node:crypto';
import { rename, rm, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { FileStoreError } from '../../errors/file-store.errors.js';
import type { StoredTask } from '../../model/task.js';
import type { RunRow, TaskCodec, TaskRow } from '../../persistence/codec.interface.js';
import type { Batch, ChangeJournal } from './change.journal.js';
import type { DirectoryLayout } from './directory.layout.js';
import { eachOf, flushFolder, ifThere, writeNewFile } from './durable.fs.js';
import type { FileSignature } from './durable.fs.js';
import type { RunFiles } from './run.files.js';
import { formatTaskFile } from './task-file.format.js';
import type { TaskCatalog } from './task.catalog.js';
import { summaryOf } from './task.summary.js';
import type { TaskSummary } from './task.summary.js';

/** Changes that one operation wants; all or none of them where it is `whole`. */
export class WriteRequest {
  /** Why none of them is to be had, where it is `whole`. */
  error: unknown = null;

  constructor(readonly whole: boolean) {}
}

/** What a file is to become. */
interface Item {
  readonly file: string;
  row: TaskRow | null;
  readonly history: RunRow[];
  /** Those who want it: they are all told when it cannot be had. */
  readonly requests: Set<WriteRequest>;
  temporary: string | null;
  signature: FileSignature | null;
  /** Whether it took the place of what was there. */
  placed: boolean;
  error: unknown;
}

/** What a batch is made with. */
export interface BatchTools {
  readonly codec: TaskCodec;
  readonly layout: DirectoryLayout;
  readonly catalog: TaskCatalog;
  readonly journal: ChangeJournal;
  readonly runs: RunFiles;
  readonly fileMode: number;
  readonly flush: boolean;
}

/**
 * Changes of one or several operations that go to disk together, with the lock: each file is written once, under a
 * temporary name, before the first takes the place of what was there.
 */
export class ChangeBatch {
  readonly #items = new Map<string, Item>();

  constructor(private readonly tools: BatchTools) {}

  get size(): number {
    return this.#items.size;
  }

  /** What a file holds, or will hold when this batch is written; null for none. */
  async read(file: string): Promise<{ task: StoredTask; row: TaskRow | null } | null> {
    const item = this.#items.get(file);
    if (!item) return this.tools.catalog.load(file);
    // Decoded anew, so that no operation gets hold of what another one's caller may still change.
    return item.row && { task: this.tools.codec.decodeTask(item.row), row: item.row };
  }

  /** Puts a task into a file. */
  put(request: WriteRequest, file: string, row: TaskRow, history: readonly RunRow[] = []): void {
    this.#change(request, file, row, history);
    this.tools.catalog.expect(summaryOf(row, file, null));
  }

  /** Removes a file. */
  remove(request: WriteRequest, file: string, history: readonly RunRow[] = []): void {
    this.#change(request, file, null, history);
    this.tools.catalog.expectNone(file);
  }

  #change(request: WriteRequest, file: string, row: TaskRow | null, history: readonly RunRow[]): void {
    let item = this.#items.get(file);
    if (!item) {
      item = {
        file,
        row,
        history: [],
        requests: new Set(),
        temporary: null,
        signature: null,
        placed: false,
        error: null,
      };
      this.#items.set(file, item);
    }
    item.row = row;
    item.history.push(...history);
    item.requests.add(request);
  }

  /** Why the change of a file was not written; null when it was. To be asked after {@link write}. */
  failureOf(file: string): unknown {
    return this.#items.get(file)?.error ?? null;
  }

  /** Writes everything that can be written. Never rejects: see {@link failureOf}. */
  async write(): Promise<void> {
    if (this.#items.size === 0) return;
    const { catalog } = this.tools;
    await eachOf(this.#items.values(), (item) => this.#writeTemporary(item));
    this.#spreadFailures();
    await this.#writeHistory();
    await this.#place();
    await this.#removeTemporary();
    for (const { file, signature, error } of this.#items.values()) {
      if (error !== null) await catalog.restore(file);
      else if (signature) catalog.sign(file, signature);
    }
  }

  async #writeTemporary(item: Item): Promise<void> {
    if (!item.row) return;
    // Of many tasks that go together none is worth trying when one has failed.
    this.#takeOver(item);
    if (item.error !== null) return;
    const { layout, fileMode, flush } = this.tools;
    const temporary = join(layout.temporary, randomBytes(12).toString('hex'));
    try {
      item.signature = await writeNewFile(temporary, formatTaskFile(item.row), { mode: fileMode, flush });
      item.temporary = temporary;
    } catch (error) {
      this.#fail(item, error);
    }
  }

  /** The history is there before the change that it belongs to: a crash in between repeats an entry and loses none. */
  async #writeHistory(): Promise<void> {
    const withHistory = this.#left().filter(({ history }) => history.length > 0);
    if (withHistory.length === 0) return;
    try {
      await this.tools.runs.append(withHistory.flatMap(({ history }) => history));
    } catch (error) {
      for (const item of withHistory) this.#fail(item, error);
      this.#spreadFailures();
    }
  }

  async #place(): Promise<void> {
    const { journal, layout, flush, runs } = this.tools;
    const items = this.#left();
    if (items.length === 0) return;
    let begun = false;
    try {
      await journal.begin(planOf(items));
      begun = true;
      await eachOf(items, (item) => this.#placeOne(item));
      if (flush) await flushFolder(layout.directory);
    } catch (error) {
      for (const item of items) this.#fail(item, begun ? new FileStoreError(layout.directory, error) : error);
    }
    this.#spreadFailures();
    const failed = items.filter(({ error }) => error !== null);
    if (failed.length > 0) await runs.retract(failed.flatMap(({ history }) => history));
    await this.#takeBack(failed);
    if (begun) await journal.end(failed.map(({ file }) => file));
  }

  async #placeOne(item: Item): Promise<void> {
    const path = this.tools.layout.task(item.file);
    try {
      if (item.temporary) await rename(item.temporary, path);
      else await ifThere(unlink(path));
      item.temporary = null;
      item.placed = true;
    } catch (error) {
      this.#fail(item, new FileStoreError(path, error));
    }
  }

  /** What was to be whole and is not goes again. Only additions are whole. */
  async #takeBack(failed: readonly Item[]): Promise<void> {
    const halves = failed.filter(({ placed, requests }) => placed && [...requests].some(({ whole }) => whole));
    await eachOf(halves, ({ file }) => rm(this.tools.layout.task(file), { force: true })).catch(() => {});
  }

  #fail(item: Item, error: unknown): void {
    item.error ??= error;
    for (const request of item.requests) if (request.whole) request.error ??= error;
  }

  /** An item fails with any whole request that has failed. */
  #takeOver(item: Item): boolean {
    if (item.error !== null) return false;
    for (const { error } of item.requests) if (error !== null) this.#fail(item, error);
    return item.error !== null;
  }

  #spreadFailures(): void {
    let spread = true;
    while (spread) {
      spread = false;
      for (const item of this.#items.values()) if (this.#takeOver(item)) spread = true;
    }
  }

  #left(): Item[] {
    return [...this.#items.values()].filter(({ error }) => error === null);
  }

  async #removeTemporary(): Promise<void> {
    const leftovers = [...this.#items.values()].filter(({ temporary }) => temporary !== null);
    await eachOf(leftovers, ({ temporary }) => rm(temporary!, { force: true })).catch(() => {});
  }
}

function planOf(items: readonly Item[]): Batch {
  const put: TaskSummary[] = [];
  const remove: string[] = [];
  for (const { file, row, signature } of items) {
    if (row) put.push(summaryOf(row, file, signature));
    else remove.push(file);
  }
  return { put, remove };
}
