import { closeSync, constants, fdatasync, fstatSync, lstatSync, open as openFile, read, write } from 'node:fs';
import type { BigIntStats } from 'node:fs';
import { lstat, mkdir, open, rename, rm } from 'node:fs/promises';
import type { FileHandle } from 'node:fs/promises';
import { promisify } from 'node:util';
import { FileStoreError } from '../../errors/file-store.errors.js';

/** How many files are worked on at the same time. Node has four threads for files; a few more keep them busy. */
const PARALLEL = 8;

// With descriptors, not with `FileHandle`s: half the work in Node, which with many small files is most of it.
const openAsync = promisify(openFile);
const readAsync = promisify(read);
const writeAsync = promisify(write);
const flushAsync = promisify(fdatasync);

/**
 * How files are opened that are there: no link is followed, which could lead to any file of the machine, and a pipe or a
 * device makes nobody wait. Windows has neither.
 */
const AS_IT_IS = (constants.O_NOFOLLOW ?? 0) | (constants.O_NONBLOCK ?? 0);

/** What the system says of a path that is a link, a socket or a device. */
const NO_FILE = ['ELOOP', 'EMLINK', 'ENXIO', 'ENODEV'];

const NOT_A_FILE = 'There is no file under this name but something else.';

/** The longest text that is read as a whole, in bytes: of what schedulers say of themselves. */
const MAX_TEXT = 1_048_576;

/** What tells one content of a path from another without reading it: inode, size and time of change. */
export type FileSignature = string;

/** @internal */
function signatureOf({ ino, size, mtimeNs }: BigIntStats): FileSignature {
  return `${ino}:${size}:${mtimeNs}`;
}

/** The signature of a file; null when it is not there. */
export async function signatureAt(path: string): Promise<FileSignature | null> {
  const stats = await ifThere(lstat(path, { bigint: true }));
  return stats && signatureOf(stats);
}

/**
 * The same without going to another thread and back, for very many files one after the other; `null` also for what cannot be
 * looked at.
 */
export function signatureNow(path: string): FileSignature | null {
  try {
    const stats = lstatSync(path, { bigint: true, throwIfNoEntry: false });
    return stats ? signatureOf(stats) : null;
  } catch {
    return null;
  }
}

/** Writes a new file, and waits until the disk has it if `flush`. Leaves nothing behind when that fails. */
export async function writeNewFile(
  path: string,
  content: string | Buffer,
  options: { readonly mode: number; readonly flush: boolean },
): Promise<FileSignature> {
  try {
    const file = await openAsync(path, 'wx', options.mode);
    try {
      await writeAll(file, Buffer.isBuffer(content) ? content : Buffer.from(content), 0);
      if (options.flush) await flushFile(file);
      // Of an open file the system has this in memory; another trip to Node's threads would cost more.
      return signatureOf(fstatSync(file, { bigint: true }));
    } finally {
      closeSync(file);
    }
  } catch (error) {
    if (!hasCode(error, 'EEXIST')) await rm(path, { force: true }).catch(() => {});
    throw new FileStoreError(path, error);
  }
}

/**
 * Opens a file that is there, to read it or to write it too.
 *
 * @throws FileStoreError When it is something else than a file.
 */
export async function openOwn(path: string, how: 'r' | 'r+'): Promise<FileHandle> {
  const flags = (how === 'r' ? constants.O_RDONLY : constants.O_RDWR) | AS_IT_IS;
  let file: FileHandle;
  try {
    file = await open(path, flags);
  } catch (error) {
    throw hasCode(error, ...NO_FILE) ? new FileStoreError(path, new Error(NOT_A_FILE)) : error;
  }
  if (fstatSync(file.fd).isFile()) return file;
  await file.close();
  throw new FileStoreError(path, new Error(NOT_A_FILE));
}

/** A file's content, or why there is none, and the signature of just that content. */
export interface WholeFile {
  readonly content: Buffer | null;
  readonly problem: string;
  readonly signature: FileSignature;
  /** How many bytes it has, where that is more than the limit. */
  readonly oversize?: number;
}

/**
 * Reads a file of at most `limit` bytes. What is no file, larger, or cannot be read is told in words.
 */
export async function readWholeFile(path: string, limit: number): Promise<WholeFile> {
  const unread = (problem: string, signature: FileSignature) => ({ content: null, problem, signature });
  let file: number;
  try {
    file = await openAsync(path, constants.O_RDONLY | AS_IT_IS);
  } catch (error) {
    if (hasCode(error, ...NO_FILE)) return unread(NOT_A_FILE, (await signatureAt(path)) ?? 'gone');
    if (!hasCode(error, 'EACCES', 'EPERM')) throw error;
    return unread(`The file cannot be opened: ${(error as Error).message}`, 'closed');
  }
  try {
    const stats = fstatSync(file, { bigint: true });
    const signature = signatureOf(stats);
    if (!stats.isFile()) return unread(NOT_A_FILE, signature);
    if (stats.size > limit) return { ...unread('', signature), oversize: Number(stats.size) };
    return { content: await readAt(file, 0, Number(stats.size)), problem: '', signature };
  } catch (error) {
    if (!hasCode(error, 'EIO')) throw error;
    return unread(`The disk cannot read the file: ${(error as Error).message}`, 'unread');
  } finally {
    closeSync(file);
  }
}

/** Waits until the disk has the content of an open file. */
export function flushFile(file: number): Promise<void> {
  return flushAsync(file);
}

/** Replaces a file as a whole by way of a second one beside it. Only for files that a single process writes. */
export async function replaceFile(path: string, content: string, mode: number): Promise<void> {
  const temporary = `${path}.tmp`;
  await rm(temporary, { force: true });
  await writeNewFile(temporary, content, { mode, flush: false });
  await rename(temporary, path);
}

/** Waits until the disk has what was renamed and removed in a folder. */
export async function flushFolder(path: string): Promise<void> {
  // Windows cannot open a folder, and keeps its names in a journal of its own.
  if (process.platform === 'win32') return;
  const folder = await open(path, 'r');
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}

/** Makes a folder that is not there, with its parents. Returns whether it was made. */
export async function makeFolder(path: string, mode: number): Promise<boolean> {
  try {
    return (await mkdir(path, { recursive: true, mode })) !== undefined;
  } catch (error) {
    // With `recursive` Node says ENOENT for a read-only disk.
    const plain: unknown = await mkdir(path, { mode }).catch((reason: unknown) => reason);
    throw new FileStoreError(path, hasCode(error, 'ENOENT') && plain ? plain : error);
  }
}

/** What `work` gives; an error of the system becomes one that says which file and why. */
export async function withTypedErrors<T>(directory: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    const { syscall, path = directory } = error as { syscall?: string; path?: string };
    throw syscall === undefined ? error : new FileStoreError(path, error);
  }
}

/**
 * The text of a file; null when it is not there.
 *
 * @throws FileStoreError When it is something else than a file, or larger than `limit` bytes.
 */
export async function readText(path: string, limit = MAX_TEXT): Promise<string | null> {
  const file = await ifThere(openOwn(path, 'r'));
  if (file === null) return null;
  try {
    const { size } = fstatSync(file.fd);
    if (size > limit)
      throw new FileStoreError(path, new Error(`it has ${size} bytes or more; at most ${limit} are read`));
    return (await readAt(file.fd, 0, size)).toString('utf8');
  } finally {
    await file.close();
  }
}

/** What `work` gives; null when the file or folder is not there. */
export async function ifThere<T>(work: Promise<T>): Promise<T | null> {
  try {
    return await work;
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return null;
    throw error;
  }
}

/** Whether a system error has one of these codes. */
export function hasCode(error: unknown, ...codes: string[]): boolean {
  return codes.includes((error as { code?: string }).code ?? '');
}

/** Reads `length` bytes from `position`, or less where the file ends before. */
export async function readAt(file: number, position: number, length: number): Promise<Buffer> {
  const bytes = Buffer.allocUnsafe(length);
  let done = 0;
  while (done < length) {
    const { bytesRead } = await readAsync(file, bytes, done, length - done, position + done);
    if (bytesRead === 0) break;
    done += bytesRead;
  }
  return bytes.subarray(0, done);
}

/** Writes all bytes at `position`, however many calls the system takes for them. */
export async function writeAll(file: number, bytes: Buffer, position: number): Promise<void> {
  for (let done = 0; done < bytes.length;) {
    done += (await writeAsync(file, bytes, done, bytes.length - done, position + done)).bytesWritten;
  }
}

/**
 * Does `work` for every item, several at a time, and waits for all of them even when one fails: whoever gives a lock back
 * after this must know that nothing is still being written. The first error is thrown.
 */
export async function eachOf<T>(items: Iterable<T>, work: (item: T) => Promise<void>): Promise<void> {
  const errors: unknown[] = [];
  const rest = items[Symbol.iterator]();
  const worker = async () => {
    for (let next = rest.next(); !next.done && errors.length === 0; next = rest.next()) {
      await work(next.value).catch((error: unknown) => errors.push(error));
    }
  };
  await Promise.all(Array.from({ length: PARALLEL }, worker));
  if (errors.length > 0) throw errors[0];
}
