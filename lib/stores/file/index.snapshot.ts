import { crc32 } from 'node:zlib';
import { rename, rm } from 'node:fs/promises';
import type { FileHandle } from 'node:fs/promises';
import { open } from 'node:fs/promises';
import { DUE_KEY_NAMES } from '../../model/due-keys.js';
import { hasCode, ifThere, openOwn, readAt } from './durable.fs.js';
import type { TaskColumns } from './task.summary.js';
import { IndexedTask } from './task.summary.js';

/** How many tasks are written or read before everything else gets its turn. */
const TASKS = 1_000;

/** How many bytes are read at a time. */
const CHUNK = 1_048_576;

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

/**
 * What the task files say of the tasks in them, in one file, so that a start need not read them all. It belongs to one
 * journal, which tells what has changed since, and can be lost: then all files are read.
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
  async save(journal: number, tasks: () => Iterable<IndexedTask>, isWanted: () => boolean): Promise<void> {
    if (this.#isSaving) return;
    this.#isSaving = true;
    const temporary = `${this.path}.${process.pid}.tmp`;
    try {
      await rm(temporary, { force: true });
      const file = await open(temporary, 'wx', this.mode);
      try {
        await writeTasks(file, journal, [...tasks()].filter(isKept), isWanted);
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

  /** Gives every task of the snapshot that belongs to a journal. Returns false when there is none that is whole. */
  async load(journal: number, take: (task: IndexedTask) => void): Promise<boolean> {
    const file = await ifThere(openOwn(this.path, 'r')).catch((error: unknown) => {
      if (hasCode(error, 'ASYNCZ_FILE_IO')) return null;
      throw error;
    });
    if (!file) return false;
    try {
      return (await isWhole(file, journal)) && (await readTasks(file, take));
    } finally {
      await file.close();
    }
  }
}

/** What is not in its file is in the journal, and what cannot be read is read each time. */
function isKept({ row, unreadable }: IndexedTask): boolean {
  return row === null && unreadable === null;
}

async function writeTasks(
  file: FileHandle,
  journal: number,
  tasks: readonly IndexedTask[],
  isWanted: () => boolean,
): Promise<void> {
  let check = 0;
  const write = async (text: string) => {
    const bytes = Buffer.from(text);
    check = crc32(bytes, check);
    await file.appendFile(bytes);
  };
  await write(`${JSON.stringify({ snapshot: journal })}\n`);
  for (let at = 0; at < tasks.length && isWanted(); at += TASKS) {
    let text = '';
    for (const { file: name, signature, columns } of tasks.slice(at, at + TASKS)) {
      text += `${JSON.stringify([name, signature, ...COLUMNS.map((column) => columns![column])])}\n`;
    }
    await write(text);
  }
  await file.appendFile(`${JSON.stringify({ check })}\n`);
}

/** Whether it is that of a journal, and every byte of it is as it was written. */
async function isWhole(file: FileHandle, journal: number): Promise<boolean> {
  const head = `${JSON.stringify({ snapshot: journal })}\n`;
  const { size } = await file.stat();
  if ((await readAt(file.fd, 0, head.length)).toString('utf8') !== head) return false;
  const tailLength = Math.min(64, size);
  const tail = (await readAt(file.fd, size - tailLength, tailLength)).toString('utf8');
  const last = tail.slice(tail.lastIndexOf('\n', tail.length - 2) + 1);
  let check = 0;
  for (let at = 0; at < size - last.length; at += CHUNK) {
    check = crc32(await readAt(file.fd, at, Math.min(CHUNK, size - last.length - at)), check);
  }
  return last === `${JSON.stringify({ check })}\n`;
}

async function readTasks(file: FileHandle, take: (task: IndexedTask) => void): Promise<boolean> {
  const { size } = await file.stat();
  let rest = Buffer.alloc(0);
  for (let at = 0; at < size; at += CHUNK) {
    const bytes = Buffer.concat([rest, await readAt(file.fd, at, CHUNK)]);
    const end = bytes.lastIndexOf(0x0a) + 1;
    for (const line of linesOf(bytes.toString('utf8', 0, end))) if (Array.isArray(line)) take(taskOf(line));
    rest = bytes.subarray(end);
  }
  return true;
}

/** All at once: one after the other takes twice as long. */
function linesOf(text: string): unknown[] {
  return JSON.parse(`[${text.trimEnd().replaceAll('\n', ',')}]`) as unknown[];
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
