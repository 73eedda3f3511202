import { randomBytes } from 'node:crypto';
import { rename, rm, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { FileStoreError } from '../../errors/file-store.errors.js';
import { MACHINE } from '../../model/clock.js';
import type { Logger } from '../../model/logger.js';
import { ChangeBatch } from './change.batch.js';
import type { BatchTools } from './change.batch.js';
import type { CommitQueue, Upkeep } from './commit.queue.js';
import type { DirectoryLayout } from './directory.layout.js';
import { eachOf, flushFolder, ifThere, readWholeFile, signatureAt, writeNewFile } from './durable.fs.js';
import type { FileSignature } from './durable.fs.js';
import { encodeFileName } from './file-name.codec.js';
import type { IndexSnapshot } from './index.snapshot.js';
import type { FiledFile } from './journal.format.js';
import { formatTaskFile, parseTaskFile } from './task-file.format.js';

/** After how long without a change tasks get their files, in milliseconds. */
const IDLE_MS = 200;

/** How long to leave it when it has failed, or there is nothing that is worth it, in milliseconds. */
const AGAIN_MS = 5_000;

/** How many files one step writes or removes. */
const FILES = 32;

/** How long the journal gets before a new one is begun, in bytes: this, or so much for each task, or for what it carries. */
const LARGEST = 32 * 1024 * 1024;
const BYTES_A_TASK = 300;
const TIMES_CARRIED = 2.5;

/** The same when there is nothing to do, and a new one would carry nothing. */
const LARGEST_IDLE = 1024 * 1024;

/** How much may be in no file, in bytes, before tasks get their files also while there is much to do. */
const UNFILED = 64 * 1024 * 1024;

/** How much may be in no file, in bytes, before changes have to wait for that. */
const UNFILED_MOST = 256 * 1024 * 1024;

/** How long changes wait for it at a time, in milliseconds. */
const WAIT_MS = 1_000;

/** Which tasks are not worth a file, since they are about to change, by how long their due time is away or past, in milliseconds. */
interface Changing {
  readonly soon: number;
  readonly late: number;
}

const WHEN_IDLE: Changing = { soon: 5_000, late: 5_000 };

/** While there is much to do, all that is due waits for its turn. */
const WHEN_BUSY: Changing = { soon: 60_000, late: Infinity };

const NONE: Changing = { soon: 0, late: 0 };

/** How many tasks are looked at in vain, at the most. */
const LOOKS = 5_000;

/** The bytes that are kept free for a deletion on a full disk. */
const RESERVE = 64 * 1024;

/** From how many bytes on a journal is made shorter where the disk is full: two blocks of most disks. */
const LEAST_SHORTENED = 8_192;

export interface FilingTools extends BatchTools {
  readonly layout: DirectoryLayout;
  readonly snapshot: IndexSnapshot;
  readonly fileMode: number;
  readonly flush: boolean;
  readonly logger: Logger;
}

/**
 * Gives tasks that have not changed for a moment their files, in small steps, so that the journal need not have them any
 * longer; and begins a new journal when most of it is past.
 */
export class TaskFiling implements Upkeep {
  #queue: CommitQueue | null = null;
  #cancel: () => void = () => {};
  #hasReserve = false;

  constructor(private readonly tools: FilingTools) {}

  /** Begins to do it whenever there is nothing else to do. The disk may become full at any moment, so room is kept first. */
  async begin(queue: CommitQueue): Promise<void> {
    this.#queue = queue;
    await queue.run(() => this.#reserve().catch(() => {}), true);
    this.#later(IDLE_MS);
  }

  /** Does what is left, for so many milliseconds at the most. */
  async end(limitMs: number): Promise<void> {
    this.#cancel();
    const queue = this.#queue;
    this.#queue = null;
    if (!queue) return;
    const start = MACHINE.monotonic();
    while (MACHINE.monotonic() - start < limitMs) if ((await this.#step(queue, NONE)) === 0) return;
  }

  async keepBounded(): Promise<void> {
    this.#later(IDLE_MS);
    const { index } = this.tools.catalog;
    try {
      // A full disk has no room to keep.
      if (!this.#hasReserve) await this.#reserve().catch(() => {});
      if (index.unfiledBytes > UNFILED) await this.#relieve();
      const { size } = this.tools.journal;
      const isLong = size > LARGEST && size > index.size * BYTES_A_TASK;
      if (isLong && size > TIMES_CARRIED * index.unfiledBytes) await this.beginNew();
    } catch (error) {
      this.#tell(error);
    }
  }

  async makeRoom(frees: boolean, error: unknown): Promise<boolean> {
    if (!(error instanceof FileStoreError) || error.code !== 'ASYNCZ_FILE_DISK_FULL') return false;
    if (!frees && !this.#isWorthShortening(LEAST_SHORTENED)) return false;
    // A new journal needs room, too.
    this.#hasReserve = false;
    await rm(this.tools.layout.reserve, { force: true }).catch(() => {});
    return frees || this.#shorten(LEAST_SHORTENED);
  }

  /** Keeps room for a deletion. */
  async #reserve(): Promise<void> {
    const { layout, fileMode } = this.tools;
    if ((await signatureAt(layout.reserve)) === null) {
      await this.#shorten(RESERVE);
      await writeNewFile(layout.reserve, Buffer.alloc(RESERVE), { mode: fileMode, flush: false });
    }
    this.#hasReserve = true;
  }

  /** Whether most of a journal of at least that size, in bytes, is past. */
  #isWorthShortening(least: number): boolean {
    const { journal, catalog } = this.tools;
    return journal.size >= least && journal.size >= 2 * catalog.index.unfiledBytes;
  }

  /** Begins a new journal where that makes room. Returns whether it did. Never rejects. */
  async #shorten(least: number): Promise<boolean> {
    if (!this.#isWorthShortening(least)) return false;
    return this.beginNew().then(
      () => true,
      () => false,
    );
  }

  /** Writes files although there is much else to do, for as long as that has taken, or until there is room in memory again. */
  async #relieve(): Promise<void> {
    const { index } = this.tools.catalog;
    const start = MACHINE.monotonic();
    do {
      const batch = new ChangeBatch(this.tools);
      const count = await this.#file(batch, index.unfiledBytes > UNFILED_MOST ? NONE : WHEN_BUSY);
      if (count === 0) return;
      await batch.write();
    } while (index.unfiledBytes > UNFILED_MOST && MACHINE.monotonic() - start < WAIT_MS);
  }

  /** Begins a new journal, with the lock. */
  async beginNew(): Promise<void> {
    const { journal, catalog, runs, entries } = this.tools;
    await runs.flush();
    await entries.file();
    entries.forgetUnfiled();
    await journal.replace(catalog.carried());
    // Without the lock, and nobody waits for it.
    void this.saveIndex();
  }

  /** Writes what the files say into one file. Never rejects. */
  async saveIndex(): Promise<void> {
    const { journal, catalog, snapshot } = this.tools;
    const { number } = journal;
    try {
      await catalog.knowsUntil(Infinity);
    } catch {
      // Without it the next start reads all files.
      return;
    }
    await snapshot.save(number, catalog.index, () => journal.number === number);
  }

  #later(ms: number): void {
    this.#cancel();
    if (this.#queue) this.#cancel = MACHINE.schedule(() => void this.#whenIdle(), ms);
  }

  async #whenIdle(): Promise<void> {
    const queue = this.#queue;
    if (!queue) return;
    const start = MACHINE.monotonic();
    const { index } = this.tools.catalog;
    const { size } = this.tools.journal;
    if (index.unfiledCount > 0) {
      const count = await this.#step(queue, WHEN_IDLE);
      // Half of the time at the most: there may be others on this machine who have something to do.
      this.#later(count > 0 ? MACHINE.monotonic() - start : AGAIN_MS);
    } else if (size > LARGEST_IDLE && size > index.size * BYTES_A_TASK) {
      await queue.run(() => this.beginNew(), true).catch((error: unknown) => this.#tell(error));
    }
  }

  /** Returns how many files are as they are to be now. */
  async #step(queue: CommitQueue, changing: Changing): Promise<number> {
    try {
      return await queue.run((batch) => this.#file(batch, changing), true);
    } catch (error) {
      this.#tell(error);
      return 0;
    }
  }

  /** Files that are not as they are to be; of tasks only those that are worth it. */
  #choose({ soon, late }: Changing): string[] {
    const { index } = this.tools.catalog;
    const files: string[] = [];
    for (const [file] of index.removed()) {
      files.push(file);
      if (files.length === FILES) return files;
    }
    const now = MACHINE.now();
    let looks = 0;
    for (const { file, key } of index.unfiled()) {
      if (key >= now + soon || key <= now - late) files.push(file);
      if (files.length === FILES || (looks += 1) === LOOKS) break;
    }
    return files;
  }

  /** Writes and removes some files, in a batch of their own. Returns how many. */
  async #file(batch: ChangeBatch, changing: Changing): Promise<number> {
    const { layout, flush, catalog } = this.tools;
    const { index } = catalog;
    const files = this.#choose(changing);
    if (files.length === 0) return 0;
    const made = files.filter((file) => index.get(file)?.signature === null);
    if (made.length > 0) {
      // If this process dies now, whoever removes such a task has to know that there may be a file.
      batch.begin(made);
      await batch.write();
    }
    const filed: FiledFile[] = [];
    await eachOf(files, async (file) => {
      const row = index.get(file)?.row;
      if (row) filed.push([file, await this.#put(layout.task(file), formatTaskFile(row))]);
      else if (index.isRemoved(file)) await this.#remove(file).then(() => filed.push([file, null]));
    });
    if (flush) await flushFolder(layout.directory);
    batch.filed(filed);
    return filed.length;
  }

  async #put(path: string, text: string): Promise<FileSignature> {
    const { layout, fileMode, flush } = this.tools;
    const temporary = join(layout.temporary, randomBytes(12).toString('hex'));
    try {
      const signature = await writeNewFile(temporary, text, { mode: fileMode, flush });
      await rename(temporary, path);
      return signature;
    } catch (error) {
      await rm(temporary, { force: true }).catch(() => {});
      throw error instanceof FileStoreError ? error : new FileStoreError(path, error);
    }
  }

  /** What somebody has put there by hand meanwhile stays if it is no task that could be read somewhere. */
  async #remove(file: string): Promise<void> {
    const path = this.tools.layout.task(file);
    const known = this.tools.catalog.index.before(file).removed;
    if (known === (await signatureAt(path)) || (await isTaskFile(path, file))) await ifThere(unlink(path));
  }

  #tell(error: unknown): void {
    this.tools.logger.debug(`Tasks stay in the journal for now: ${String(error)}`);
  }
}

/** Whether a file is one of the task that its name says. Its signature does not tell in a folder that was copied. */
async function isTaskFile(path: string, name: string): Promise<boolean> {
  const { content } = (await ifThere(readWholeFile(path, Infinity))) ?? {};
  const parsed = content && parseTaskFile(content);
  return parsed ? !('unreadable' in parsed) && encodeFileName(parsed.id) === name : false;
}
