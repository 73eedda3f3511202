import { fstatSync } from 'node:fs';
import { open, rename, rm, stat } from 'node:fs/promises';
import type { FileHandle } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { FileStoreError } from '../../errors/file-store.errors.js';
import type { Logger } from '../../model/logger.js';
import { flushFile, flushFolder, ifThere, openOwn, readAt, writeAll, writeNewFile } from './durable.fs.js';
import { LONGEST_HEADER, formatGroup, isWhole, parseHeader, readLines } from './journal.format.js';
import type { GroupHeader, JournalHeader, JournalReader } from './journal.format.js';

/** How much is read of a group at first, in bytes: all of most. */
const FIRST_READ = 16_384;

/** What the beginning of a group looks like, where one has to be looked for. */
const GROUP_START = Buffer.from('{"group":');

export interface JournalOptions {
  readonly path: string;
  readonly mode: number;
  /** Whether a group is on the disk before it counts. */
  readonly flush: boolean;
  /** See `lockRealm`. */
  readonly realm: string;
  readonly logger: Logger;
}

/**
 * What became of the journal since it was read last: all of it was read; something of it was missed; it is not there, and
 * nobody has written another one.
 */
export type JournalNews = 'read' | 'missed' | 'absent';

/**
 * What has changed and is in no task file yet: one file that everybody reads on from where it was, and to which only the holder
 * of the lock appends. A change counts when its group is in it, and all that comes later follows from that. See
 * `docs/adr/0064-file-store-groups.md`.
 */
export class ChangeJournal {
  #file: FileHandle | null = null;
  #inode = 0n;
  #number = 0;
  #realm = '';
  #group = 0;
  /** How far it was read, which is where the holder of the lock goes on. */
  #position = 0;
  /** Set when what is on the disk may be something else than what is known. */
  #isInDoubt = false;

  constructor(private readonly options: JournalOptions) {}

  /** Which journal it is. */
  get number(): number {
    return this.#number;
  }

  /** How long it is, in bytes. */
  get size(): number {
    return this.#position;
  }

  /** Whether another kernel has written it: what is in other files and was not flushed may be lost. */
  get isOfAnotherRealm(): boolean {
    return this.#realm !== this.options.realm;
  }

  /** Opens it at its beginning, with the lock. Returns whether there is one. */
  async open(): Promise<boolean> {
    this.#isInDoubt = false;
    if ((await ifThere(stat(this.options.path))) === null) return false;
    await this.#openFile();
    if (this.#number > 0) return true;
    await this.#keepDamaged(0);
    return false;
  }

  async close(): Promise<void> {
    await this.#file?.close();
    this.#file = null;
  }

  /** Reads what others have written. Not to be called again before it has ended. */
  async read(locked: boolean, reader: JournalReader): Promise<JournalNews> {
    if (this.#isInDoubt) return 'missed';
    const there = await ifThere(stat(this.options.path, { bigint: true }));
    const same = there?.ino === this.#inode;
    if (same && Number(there.size) === this.#position) return 'read';
    if (!(await this.#readOn(locked && same, reader))) return 'missed';
    if (same) return 'read';
    if (!there) return locked ? 'absent' : 'read';
    const before = this.#number;
    await this.#openFile();
    reader.renewed();
    return this.#number === before + 1 && (await this.#readOn(locked, reader)) ? 'read' : 'missed';
  }

  /** Appends a group, with the lock; resolves when it counts. When it rejects, nothing was changed. */
  async append(lines: string): Promise<void> {
    const bytes = formatGroup(this.#group + 1, lines);
    const { fd } = this.#file!;
    try {
      await writeAll(fd, bytes, this.#position);
      if (this.options.flush) await flushFile(fd);
    } catch (error) {
      // If that fails too, who comes next has to look what there is.
      await this.#file!.truncate(this.#position).catch(() => (this.#isInDoubt = true));
      throw new FileStoreError(this.options.path, error);
    }
    this.#position += bytes.length;
    this.#group += 1;
  }

  /**
   * Puts a new journal in the place of this one, with the lock.
   *
   * @param groups The lines that it begins with.
   */
  async replace(groups: Iterable<string>): Promise<void> {
    const { path, flush } = this.options;
    const number = this.#number === 0 ? Math.floor(Math.random() * 1e12) : this.#number + 1;
    const temporary = `${path}.tmp`;
    try {
      const { count, length } = await this.#writeNew(temporary, number, groups);
      this.#isInDoubt = true;
      await rename(temporary, path);
      if (flush) await flushFolder(dirname(path));
      await this.#openFile();
      this.#isInDoubt = false;
      this.#group = count;
      this.#position = length;
    } catch (error) {
      await rm(temporary, { force: true }).catch(() => {});
      throw new FileStoreError(path, error);
    }
  }

  async #writeNew(path: string, journal: number, groups: Iterable<string>): Promise<{ count: number; length: number }> {
    const { mode, flush, realm } = this.options;
    const header: JournalHeader = { journal, realm };
    await rm(path, { force: true });
    const file = await open(path, 'wx', mode);
    try {
      let count = 0;
      let length = 0;
      const write = async (bytes: Buffer) => {
        await writeAll(file.fd, bytes, length);
        length += bytes.length;
      };
      await write(Buffer.from(`${JSON.stringify(header)}\n`));
      for (const lines of groups) await write(formatGroup((count += 1), lines));
      if (flush) await flushFile(file.fd);
      return { count, length };
    } finally {
      await file.close();
    }
  }

  /** Reads whole groups. Returns false when what was read before is not there any more. */
  async #readOn(locked: boolean, reader: JournalReader): Promise<boolean> {
    const { size } = fstatSync(this.#file!.fd);
    if (size < this.#position) return false;
    while (this.#position < size) {
      const length = await this.#readGroup(this.#position, size, this.#group + 1, reader);
      if (length > 0) {
        this.#position += length;
        this.#group += 1;
      } else if (!locked) {
        // Somebody is writing it, or has died while writing: nobody was told that it counts.
        break;
      } else if (!(await this.#skipDamage(size))) {
        await this.#file!.truncate(this.#position);
        break;
      }
    }
    return true;
  }

  /** Reads one group. Returns its length; 0 where there is no whole group of this number. */
  async #readGroup(
    position: number,
    size: number,
    number: number | null,
    reader: JournalReader | null,
  ): Promise<number> {
    const { fd } = this.#file!;
    const start = await readAt(fd, position, Math.min(FIRST_READ, size - position));
    const headEnd = start.subarray(0, LONGEST_HEADER).indexOf(0x0a) + 1;
    const header = parseHeader<GroupHeader>(start.toString('utf8', 0, headEnd), 'group');
    if (!header || (number !== null && header.group !== number)) return 0;
    const length = headEnd + header.bytes;
    if (!(header.bytes >= 0 && position + length <= size)) return 0;
    const bytes = length <= start.length ? start : await readAt(fd, position, length);
    const lines = bytes.subarray(headEnd, length);
    if (!isWhole(header, lines)) return 0;
    if (reader) await readLines(lines.toString('utf8'), reader);
    else this.#group = header.group - 1;
    return length;
  }

  /**
   * Goes on behind what is damaged, with the lock. Returns false when no whole group comes after it: then it is what a crash
   * leaves. Else the disk has lost what was on it, and what is left of that is kept for a person to look at.
   */
  async #skipDamage(size: number): Promise<boolean> {
    const rest = await readAt(this.#file!.fd, this.#position, size - this.#position);
    for (let at = rest.indexOf(GROUP_START); at >= 0; at = rest.indexOf(GROUP_START, at + 1)) {
      const position = this.#position + at;
      if ((await this.#readGroup(position, size, null, null)) === 0) continue;
      await this.#keepDamaged(this.#position, rest.subarray(0, at));
      this.#position = position;
      return true;
    }
    return false;
  }

  async #keepDamaged(position: number, bytes?: Buffer): Promise<void> {
    const { path, mode, logger } = this.options;
    const kept = join(dirname(path), `damaged-${this.#number}-${position}.jsonl`);
    await rm(kept, { force: true });
    if (bytes) await writeNewFile(kept, bytes, { mode, flush: false });
    else await rename(path, kept);
    logger.error(`A part of ${path} is damaged, and the last changes of some tasks are lost; it is kept in ${kept}`);
  }

  /** Opens what is there, at its first group. Its number is 0 when it is no journal. */
  async #openFile(): Promise<void> {
    const file = await openOwn(this.options.path, 'r+');
    await this.#file?.close();
    this.#file = file;
    this.#inode = fstatSync(file.fd, { bigint: true }).ino;
    const head = await readAt(file.fd, 0, LONGEST_HEADER);
    const end = head.indexOf(0x0a) + 1;
    const header = parseHeader<JournalHeader>(head.toString('utf8', 0, end), 'journal');
    this.#number = header?.journal ?? 0;
    this.#realm = header?.realm ?? '';
    this.#position = end;
    this.#group = 0;
  }
}
