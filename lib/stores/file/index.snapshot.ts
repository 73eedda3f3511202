import { crc32 } from 'node:zlib';
import { open, rename, rm } from 'node:fs/promises';
import type { FileHandle } from 'node:fs/promises';
import { FileStoreError } from '../../errors/file-store.errors.js';
import { DUE_KEY_NAMES } from '../../model/due-keys.js';
import { ifThere, openOwn, readAt } from './durable.fs.js';
import type { TaskIndex } from './task.index.js';
import type { TaskColumns } from './task.summary.js';
import { IndexedTask } from './task.summary.js';

/** How many tasks are written before everything else gets its turn. */
const TASKS = 500;

/** How many bytes are read at a time. */
const CHUNK = 131_072;

/** How many of the tasks that are due first are read at once. */
const HEAD = 500;

/** How long the first line may be, in bytes. */
const LONGEST_HEADER = 512;

/** What is kept of a task, in the order of writing. */
const COLUMNS: readonly (keyof TaskColumns)[] = [
  'id',
  'name',
  'handler',
  'trigger',
  'tags',
  'priority',
  'disabled',
  'startTask',
  ...DUE_KEY_NAMES,
  'paused',
  'running',
  'finished',
  'nextRunTime',
  'dueAt',
  'version',
  'lastToken',
  'lease',
  'codec',
];

/** The first line. */
interface Header {
  /** The number of the journal that it belongs to. */
  readonly snapshot: number;
  /** How long the part is that is read at once, and its checksum. */
  readonly head: readonly [bytes: number, check: number];
  /** The same of the other part. */
  readonly rest: readonly [bytes: number, check: number];
  /** When the first task of the other part is due; null for never. */
  readonly restFrom: number | null;
  readonly restCount: number;
}

/** What was read of a snapshot. */
export interface LoadedSnapshot {
  /** When the first of the tasks is due that were not read yet; `Infinity` when none is. */
  readonly restFrom: number;
  /** How many these are. */
  readonly restCount: number;
  /** Gives the others, in small steps. Returns false when they are damaged. To be called once. */
  rest(take: (task: IndexedTask) => void): Promise<boolean>;
}

/**
 * What the task files say of the tasks in them, in one file, so that a start need not read them all. It belongs to one
 * journal, which tells what has changed since, and can be lost: then all files are read. What a start looks for, and what is due first, is
 * at its beginning.
 */
export class IndexSnapshot {
  #isSaving = false;

  constructor(
    private readonly path: string,
    private readonly mode: number,
  ) {}

  /**
   * Writes it, without the lock: what changes meanwhile is in the journal. Never rejects.
   *
   * @param isWanted Whether the journal is still that one.
   */
  async save(journal: number, index: TaskIndex, isWanted: () => boolean): Promise<void> {
    if (this.#isSaving) return;
    this.#isSaving = true;
    const temporary = `${this.path}.${process.pid}.tmp`;
    try {
      await rm(temporary, { force: true });
      const file = await open(temporary, 'wx', this.mode);
      try {
        await writeTasks(file, journal, index, isWanted);
      } finally {
        await file.close();
      }
      if (isWanted()) await rename(temporary, this.path);
      else await rm(temporary, { force: true });
    } catch {
      await rm(temporary, { force: true }).catch(() => {});
    } finally {
      this.#isSaving = false;
    }
  }

  /** Gives the first tasks of the snapshot that belongs to a journal. Returns null when there is none, or it is damaged. */
  async load(journal: number, take: (task: IndexedTask) => void): Promise<LoadedSnapshot | null> {
    const file = await ifThere(openOwn(this.path, 'r')).catch((error: unknown) => {
      if (error instanceof FileStoreError) return null;
      throw error;
    });
    if (!file) return null;
    const head = await readAt(file.fd, 0, LONGEST_HEADER);
    const start = head.indexOf(0x0a) + 1;
    const header = parseHeader(head.toString('utf8', 0, start));
    if (header?.snapshot !== journal || !(await readPart(file, start, header.head, take))) {
      await file.close();
      return null;
    }
    const rest = async (more: (task: IndexedTask) => void) => {
      try {
        return await readPart(file, start + header.head[0], header.rest, more);
      } finally {
        await file.close();
      }
    };
    return { restFrom: header.restFrom ?? Infinity, restCount: header.restCount, rest };
  }
}

function parseHeader(text: string): Header | null {
  try {
    const header = JSON.parse(text) as Header | null;
    return Array.isArray(header?.head) && Array.isArray(header.rest) ? header : null;
  } catch {
    return null;
  }
}

async function writeTasks(file: FileHandle, journal: number, index: TaskIndex, isWanted: () => boolean): Promise<void> {
  const first = new Set(index.due(Infinity, HEAD, { handlers: null }));
  const head: IndexedTask[] = [];
  const rest: IndexedTask[] = [];
  let restFrom = Infinity;
  for (const task of index.all()) {
    // What is not in its file is in the journal, and what cannot be read is read each time.
    if (task.row || task.unreadable) continue;
    if (task.isStartTask || first.has(task)) {
      head.push(task);
    } else {
      rest.push(task);
      restFrom = Math.min(restFrom, task.key);
    }
  }
  const write = async (tasks: readonly IndexedTask[], position: number) => {
    let length = 0;
    let check = 0;
    for (let at = 0; at < tasks.length && isWanted(); at += TASKS) {
      const bytes = Buffer.from(
        tasks
          .slice(at, at + TASKS)
          .map(lineOf)
          .join(''),
      );
      await file.write(bytes, 0, bytes.length, position + length);
      length += bytes.length;
      check = crc32(bytes, check);
    }
    return [length, check] as const;
  };
  // Its length is known when the rest is written, so it is made as long as it can get.
  const headPart = await write(head, LONGEST_HEADER);
  const restPart = await write(rest, LONGEST_HEADER + headPart[0]);
  const header: Header = {
    snapshot: journal,
    head: headPart,
    rest: restPart,
    restFrom: restFrom === Infinity ? null : restFrom,
    restCount: rest.length,
  };
  await file.write(`${JSON.stringify(header).padEnd(LONGEST_HEADER - 1)}\n`, 0);
}

/** Gives the tasks of a part, unless one byte of it is another one. */
async function readPart(
  file: FileHandle,
  start: number,
  [length, check]: Header['head'],
  take: (task: IndexedTask) => void,
): Promise<boolean> {
  let found = 0;
  const chunk = (at: number) => readAt(file.fd, start + at, Math.min(CHUNK, length - at));
  for (let at = 0; at < length; at += CHUNK) found = crc32(await chunk(at), found);
  if (found !== check) return false;
  let left = Buffer.alloc(0);
  for (let at = 0; at < length; at += CHUNK) {
    const bytes = Buffer.concat([left, await chunk(at)]);
    const end = bytes.lastIndexOf(0x0a) + 1;
    // All at once: one after the other takes twice as long.
    const lines = JSON.parse(`[${bytes.toString('utf8', 0, end).trimEnd().replaceAll('\n', ',')}]`) as unknown[][];
    for (const line of lines) take(taskOf(line));
    left = bytes.subarray(end);
  }
  return true;
}

function lineOf({ file, signature, columns }: IndexedTask): string {
  return `${JSON.stringify([file, signature, ...COLUMNS.map((column) => columns![column])])}\n`;
}

function taskOf([file, signature, ...values]: readonly unknown[]): IndexedTask {
  const columns: Partial<Record<keyof TaskColumns, unknown>> = {};
  for (let at = 0; at < COLUMNS.length; at += 1) columns[COLUMNS[at]!] = values[at];
  return new IndexedTask({
    file: file as string,
    signature: signature as string,
    columns: columns as unknown as TaskColumns,
    row: null,
    unreadable: null,
  });
}
