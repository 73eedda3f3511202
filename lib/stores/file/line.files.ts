import { fstatSync } from 'node:fs';
import { open, readdir, rename, rm, stat } from 'node:fs/promises';
import type { FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import { FileStoreError } from '../../errors/file-store.errors.js';
import type { Logger } from '../../model/logger.js';
import type { DirectoryLayout } from './directory.layout.js';
import {
  eachOf,
  flushFolder,
  ifThere,
  openOwn,
  readAt,
  readText,
  signatureAt,
  writeAll,
  writeNewFile,
} from './durable.fs.js';

/** How large a file of the history may get, in bytes, before the next one is begun. */
const LARGEST = 2 * 1024 * 1024;

/** How large one may be that is read, in bytes: the runs that one step ends come in one piece. */
const LARGEST_READ = 256 * 1024 * 1024;

/** How many files are kept in memory once they were read. */
const REMEMBERED = 2;

const FILE = /^\d{8}\.jsonl$/;

/** A line, and what names it for good. */
export interface Line<T> {
  readonly value: T;
  readonly key: string;
}

/** How lines are written and read. */
export interface LineFormat<T> {
  /** What they are, for messages: `ended runs`. */
  readonly what: string;
  /** With the line break. */
  format(value: T): string;
  /** null for a line that is damaged, or longer than any that was written. */
  parse(text: string, maxRecordBytes: number): Line<T> | null;
}

/** What a file holds, and what it is when this is true. */
export interface Segment<T> {
  readonly file: string;
  readonly signature: string;
  readonly lines: readonly Line<T>[];
}

/** The file that is written to. */
interface LastFile {
  readonly path: string;
  readonly file: FileHandle;
  readonly inode: bigint;
}

export interface LineFilesOptions<T> {
  readonly layout: DirectoryLayout;
  /** Where they are. */
  readonly folder: string;
  readonly lines: LineFormat<T>;
  readonly mode: number;
  readonly flush: boolean;
  readonly logger: Logger;
  /** The largest payload of a line that is read, in bytes. */
  readonly maxRecordBytes: number;
}

/**
 * Files of what is only added to, such as the history: numbered, one record a line, the newest at the end of the last. What is
 * there already is written again; of several lines the last one counts.
 */
export class LineFiles<T> {
  readonly #remembered = new Map<string, Segment<T>>();
  readonly #reported = new Set<string>();
  #last: LastFile | null = null;
  /** Where it ended when this process wrote to it last. */
  #end = -1;

  constructor(private readonly options: LineFilesOptions<T>) {}

  /**
   * Writes at the end, with the lock. The disk need not have it: the journal has it until {@link flush}.
   *
   * @returns A function that takes it back. It never rejects: what stays is listed once too often.
   */
  async append(values: readonly T[]): Promise<() => Promise<void>> {
    if (values.length === 0) return () => Promise.resolve();
    const { path, file } = await this.#openLast();
    const { size } = fstatSync(file.fd);
    const { lines } = this.options;
    const text = values.map((value) => lines.format(value)).join('');
    try {
      const bytes = Buffer.from(size !== this.#end && (await isTorn(file, size)) ? `\n${text}` : text);
      await writeAll(file.fd, bytes, size);
      this.#end = size + bytes.length;
    } catch (error) {
      await file.truncate(size).catch(() => {});
      throw new FileStoreError(path, error);
    }
    return () =>
      file.truncate(size).catch((error: unknown) => {
        const { logger } = this.options;
        logger.warn(`${values.length} ${lines.what} are kept that were not committed: ${String(error)}`);
      });
  }

  /** Waits until the disk has all that was written. */
  async flush(): Promise<void> {
    if (!this.options.flush) return;
    await eachOf(await this.list(), async (name) => {
      const file = await ifThere(openOwn(this.#path(name), 'r'));
      try {
        await file?.datasync();
      } finally {
        await file?.close();
      }
    });
    await flushFolder(this.options.folder);
  }

  /** Closes what is open. */
  async close(): Promise<void> {
    await this.#last?.file.close();
    this.#last = null;
  }

  /** The names of the files, the newest first. */
  async list(): Promise<string[]> {
    const files = await readdir(this.options.folder);
    return files
      .filter((file) => FILE.test(file))
      .sort()
      .reverse();
  }

  /** What tells one content of a file from another; null when it is gone. */
  signature(file: string): Promise<string | null> {
    return signatureAt(this.#path(file));
  }

  /** Ends the line that a crash has cut off, with the lock, so that it is reported and does not damage the next line. */
  async mend(): Promise<void> {
    const last = (await this.list())[0];
    if (last === undefined) return;
    const file = await openOwn(this.#path(last), 'r+');
    try {
      const { size } = fstatSync(file.fd);
      if (await isTorn(file, size)) await writeAll(file.fd, Buffer.from('\n'), size);
    } finally {
      await file.close();
    }
  }

  /** Reads a file; null when it is gone. Lines that cannot be read are left out, and reported once. */
  async read(file: string): Promise<Segment<T> | null> {
    const path = this.#path(file);
    const signature = await this.signature(file);
    if (signature === null) return null;
    const known = this.#remembered.get(file);
    if (known?.signature === signature) return known;
    const text = await this.#text(path);
    if (text === null) return null;
    const lines: Line<T>[] = [];
    for (const [at, line] of text
      .slice(0, text.lastIndexOf('\n') + 1)
      .split('\n')
      .entries()) {
      if (line === '') continue;
      const parsed = this.options.lines.parse(line, this.options.maxRecordBytes);
      if (parsed) lines.push(parsed);
      else this.#report(file, at + 1);
    }
    return this.#remember({ file, signature, lines });
  }

  /**
   * Writes a file anew, with the lock, when there is something to change.
   *
   * @param change Gives what a line is to become; the same for one that stays, null for one that goes.
   * @returns The keys of the lines that were changed.
   */
  async rewrite(file: string, change: (line: Line<T>) => T | null): Promise<ReadonlySet<string>> {
    const changed = new Set<string>();
    const lines: string[] = [];
    for (const line of (await this.read(file))?.lines ?? []) {
      const next = change(line);
      if (next !== line.value) changed.add(line.key);
      if (next) lines.push(this.options.lines.format(next));
    }
    if (changed.size === 0) return changed;
    const { layout, folder, mode, flush } = this.options;
    const path = this.#path(file);
    try {
      if (lines.length === 0) {
        await rm(path, { force: true });
      } else {
        const temporary = join(layout.temporary, file);
        await rm(temporary, { force: true });
        await writeNewFile(temporary, lines.join(''), { mode, flush });
        await rename(temporary, path);
      }
      if (flush) await flushFolder(folder);
    } catch (error) {
      throw error instanceof FileStoreError ? error : new FileStoreError(path, error);
    }
    return changed;
  }

  /** What is no file, or too large, is left out like a line that cannot be read: the rest is there. */
  async #text(path: string): Promise<string | null> {
    try {
      return await readText(path, LARGEST_READ);
    } catch (error) {
      if (!(error instanceof FileStoreError)) throw error;
      this.#tell(path, `A part of what was kept is left out: ${error.message}`);
      return '';
    }
  }

  /** Opens the last file, or begins the next one when it is full. */
  async #openLast(): Promise<LastFile> {
    if (this.#last) {
      const there = await ifThere(stat(this.#last.path, { bigint: true }));
      if (there?.ino === this.#last.inode && there.size < LARGEST) return this.#last;
      await this.close();
    }
    const name = (await this.list())[0];
    const isFull = name === undefined || ((await ifThere(stat(this.#path(name))))?.size ?? LARGEST) >= LARGEST;
    const number = Number.parseInt(name ?? '0', 10) + 1;
    const path = this.#path(isFull ? `${String(number).padStart(8, '0')}.jsonl` : name);
    try {
      const file = await (isFull ? open(path, 'wx+', this.options.mode) : openOwn(path, 'r+'));
      this.#end = -1;
      return (this.#last = { path, file, inode: fstatSync(file.fd, { bigint: true }).ino });
    } catch (error) {
      throw new FileStoreError(path, error);
    }
  }

  #remember(segment: Segment<T>): Segment<T> {
    this.#remembered.delete(segment.file);
    this.#remembered.set(segment.file, segment);
    for (const file of this.#remembered.keys()) {
      if (this.#remembered.size <= REMEMBERED) break;
      this.#remembered.delete(file);
    }
    return segment;
  }

  #report(file: string, line: number): void {
    const path = this.#path(file);
    this.#tell(`${file}:${line}`, `Line ${line} of ${path} is damaged, as a crash leaves it, and is left out`);
  }

  /** Once for each position. */
  #tell(position: string, text: string): void {
    if (this.#reported.has(position)) return;
    this.#reported.add(position);
    this.options.logger.warn(text);
  }

  #path(file: string): string {
    return join(this.options.folder, file);
  }
}

async function isTorn(file: FileHandle, size: number): Promise<boolean> {
  return size > 0 && (await readAt(file.fd, size - 1, 1))[0] !== 0x0a;
}
