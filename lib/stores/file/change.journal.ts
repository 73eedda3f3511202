import { rename, rm, stat } from 'node:fs/promises';
import type { FileHandle } from 'node:fs/promises';
import { FileStoreError } from '../../errors/file-store.errors.js';
import { hasCode, ifThere, openOwn, readAt, writeAll, writeNewFile } from './durable.fs.js';
import type { TaskSummary } from './task.summary.js';

/** How large the journal may get, in bytes, before a new one is begun. */
const LARGEST = 4 * 1024 * 1024;

/** How much of a journal holds its first line, in bytes. */
const HEADER_LENGTH = 64;

/** What is about to be done to task files, written before it is done. */
export interface Batch {
  readonly put: readonly TaskSummary[];
  /** Names of files that are removed. */
  readonly remove: readonly string[];
}

/** What the journal has told since it was last asked. */
export interface News {
  /** What was done, in order. */
  readonly batches: readonly Batch[];
  /** Names of files that may have been changed or not: whoever did it has died, or failed. */
  readonly uncertain: readonly string[];
  /** Whether something was missed, so that all files have to be looked at. */
  readonly missed: boolean;
  /** Whether something is being done right now, or its doer has died; only the lock tells. */
  readonly unfinished: boolean;
}

interface Line extends Partial<Batch> {
  /** The number of this journal; each has one more than the one before. */
  readonly journal?: number;
  readonly begin?: true;
  readonly end?: true;
  readonly uncertain?: readonly string[];
}

/**
 * How the processes of a host tell each other what they did to which task, so that none has to look at all files: one file
 * that everybody reads on from where it was, and to which only the holder of the lock appends. What is going to be done
 * is written before, and an end after it; where the end is missing, its doer has died and the files tell.
 *
 * It can be lost at any time: the files are the truth. So nobody waits until the disk has it.
 */
export class ChangeJournal {
  #file: FileHandle | null = null;
  #inode = 0n;
  #number = 0;
  /** How far it was read, which is where the holder of the lock goes on. */
  #position = 0;
  #begun: Batch | null = null;

  constructor(
    private readonly path: string,
    private readonly mode: number,
  ) {}

  /** Begins a new journal, with the lock. What came before is for the others: this process looks at all files. */
  async open(): Promise<void> {
    this.#number = (await this.#numberOfLast()) ?? Math.floor(Math.random() * 1e12);
    await this.#beginNew();
  }

  async close(): Promise<void> {
    await this.#file?.close();
    this.#file = null;
  }

  /** Reads what others have written. Not to be called again before it has ended. */
  async read(locked: boolean): Promise<News> {
    const batches: Batch[] = [];
    const uncertain: string[] = [];
    const found = { batches, uncertain, missed: false };
    const there = await ifThere(stat(this.path, { bigint: true }));
    const replaced = there?.ino !== this.#inode;
    if (replaced || Number(there.size) !== this.#position) await this.#readOn(found, locked && !replaced);
    if (there && replaced) {
      // It is replaced only with the lock: what was begun in it and has not ended never will.
      this.#giveUp(found);
      await this.#openFile();
      await this.#readOn(found, locked);
    } else if (!there && locked) {
      this.#giveUp(found);
      found.missed = true;
      await this.#beginNew();
    }
    if (locked && this.#begun) {
      const names = this.#giveUp(found);
      await this.end(names);
    }
    return { ...found, unfinished: this.#begun !== null || (!there && !locked) };
  }

  /** Says what is about to be done. Rejects when that cannot be written; then nothing may be done. */
  async begin(batch: Batch): Promise<void> {
    const line = { begin: true, ...batch } as const;
    try {
      await this.#append(line).catch(async (error: unknown) => {
        if (!hasCode(error, 'ENOSPC', 'EDQUOT')) throw error;
        // Without what was told before, everybody looks at the files once, and there is room again.
        await this.#file!.truncate(0);
        this.#position = 0;
        await this.#beginNew();
        await this.#append(line);
      });
    } catch (error) {
      throw new FileStoreError(this.path, error);
    }
  }

  /**
   * Says that it was done, but for what is `uncertain`. Never rejects: without it the others look at the files, as they do
   * when this process dies now.
   */
  async end(uncertain: readonly string[]): Promise<void> {
    try {
      await this.#append({ end: true, ...(uncertain.length > 0 && { uncertain }) });
      if (this.#position > LARGEST) await this.#beginNew();
    } catch {
      // Whoever looks next finds a beginning without an end.
    }
  }

  /** What was begun and will never end is uncertain; returns its names. */
  #giveUp(found: { readonly uncertain: string[] }): readonly string[] {
    const names = this.#begun ? [...this.#begun.put.map(({ file }) => file), ...this.#begun.remove] : [];
    this.#begun = null;
    found.uncertain.push(...names);
    return names;
  }

  async #readOn(found: { batches: Batch[]; uncertain: string[]; missed: boolean }, locked: boolean): Promise<void> {
    const { size } = await this.#file!.stat();
    if (size < this.#position) {
      found.missed = true;
      this.#position = 0;
    }
    const bytes = await readAt(this.#file!.fd, this.#position, size - this.#position);
    const end = bytes.lastIndexOf(0x0a) + 1;
    for (const text of bytes.toString('utf8', 0, end).split('\n')) {
      if (text !== '') this.#take(parseLine(text), found);
    }
    this.#position += end;
    // Half a line was left by one who died before doing what it was going to say.
    if (locked && end < bytes.length) await this.#file!.truncate(this.#position);
  }

  #take(line: Line | null, found: { batches: Batch[]; uncertain: string[]; missed: boolean }): void {
    if (line?.journal !== undefined) {
      if (line.journal !== this.#number + 1) found.missed = true;
      this.#number = line.journal;
    } else if (line?.begin && line.put && line.remove) {
      this.#giveUp(found);
      this.#begun = { put: line.put, remove: line.remove };
    } else if (line?.end) {
      if (this.#begun) found.batches.push(this.#begun);
      this.#begun = null;
      found.uncertain.push(...(line.uncertain ?? []));
    } else {
      found.missed = true;
    }
  }

  async #append(line: Line): Promise<void> {
    const bytes = Buffer.from(`${JSON.stringify(line)}\n`);
    try {
      await writeAll(this.#file!.fd, bytes, this.#position);
    } catch (error) {
      await this.#file!.truncate(this.#position).catch(() => {});
      throw error;
    }
    this.#position += bytes.length;
  }

  async #beginNew(): Promise<void> {
    const temporary = `${this.path}.tmp`;
    const header = `${JSON.stringify({ journal: this.#number + 1 })}\n`;
    await rm(temporary, { force: true });
    await writeNewFile(temporary, header, { mode: this.mode, flush: false });
    await rename(temporary, this.path);
    await this.#openFile();
    this.#number += 1;
    this.#position = header.length;
  }

  async #openFile(): Promise<void> {
    const file = await openOwn(this.path, 'r+');
    await this.#file?.close();
    this.#file = file;
    this.#inode = (await file.stat({ bigint: true })).ino;
    this.#position = 0;
  }

  async #numberOfLast(): Promise<number | null> {
    const file = await ifThere(openOwn(this.path, 'r'));
    if (!file) return null;
    try {
      const head = (await readAt(file.fd, 0, HEADER_LENGTH)).toString('utf8');
      return parseLine(head.slice(0, head.indexOf('\n')))?.journal ?? null;
    } finally {
      await file.close();
    }
  }
}

function parseLine(text: string): Line | null {
  try {
    const line = JSON.parse(text) as unknown;
    return typeof line === 'object' ? (line as Line | null) : null;
  } catch {
    return null;
  }
}
