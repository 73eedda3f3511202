import { AsynczError, show } from './asyncz.error.js';

/** What a system error of a disk means, for programs and for people. */
const REASONS: Readonly<Record<string, { readonly code: string; readonly reason: string }>> = {
  ENOSPC: { code: 'ASYNCZ_FILE_DISK_FULL', reason: 'the disk is full' },
  EDQUOT: { code: 'ASYNCZ_FILE_DISK_FULL', reason: 'the disk quota is used up' },
  EROFS: { code: 'ASYNCZ_FILE_READ_ONLY', reason: 'the disk is read-only' },
  EACCES: { code: 'ASYNCZ_FILE_NO_PERMISSION', reason: 'this process has no permission' },
  EPERM: { code: 'ASYNCZ_FILE_NO_PERMISSION', reason: 'this process has no permission' },
  ENOTDIR: { code: 'ASYNCZ_FILE_NO_DIRECTORY', reason: 'a part of the path is a file' },
  EEXIST: { code: 'ASYNCZ_FILE_NO_DIRECTORY', reason: 'a file has its name' },
  ENOENT: { code: 'ASYNCZ_FILE_NO_DIRECTORY', reason: 'it is not there' },
  EMFILE: { code: 'ASYNCZ_FILE_TOO_MANY_OPEN', reason: 'this process has too many files open' },
  ENFILE: { code: 'ASYNCZ_FILE_TOO_MANY_OPEN', reason: 'the machine has too many files open' },
};

/**
 * A file or folder of a file store cannot be read or written. Nothing was changed; the scheduler tries again.
 *
 * `code` says why: `ASYNCZ_FILE_DISK_FULL`, `ASYNCZ_FILE_READ_ONLY`, `ASYNCZ_FILE_NO_PERMISSION`, `ASYNCZ_FILE_NO_DIRECTORY`,
 * `ASYNCZ_FILE_TOO_MANY_OPEN`, or `ASYNCZ_FILE_IO` for the rest.
 *
 * @publicApi
 */
export class FileStoreError extends AsynczError {
  readonly code: string;
  /** The same in words. */
  readonly reason: string;

  /**
   * @param path The file or folder.
   * @param cause What the system said.
   */
  constructor(
    readonly path: string,
    cause: unknown,
  ) {
    const { code: errno = '', message = show(cause) } = (cause ?? {}) as { code?: string; message?: string };
    const known = REASONS[errno];
    const reason = known ? `${known.reason} (${errno})` : message;
    super(`${show(path)} cannot be used: ${reason}.`, { cause });
    this.code = known?.code ?? 'ASYNCZ_FILE_IO';
    this.reason = reason;
  }
}

/**
 * The directory of a file store was written by another version of this library, or with other options.
 *
 * @publicApi
 */
export class FileStoreFormatError extends AsynczError {
  readonly code = 'ASYNCZ_FILE_FORMAT';

  /**
   * @param path The file that says so.
   * @param reason What differs, and what to do.
   */
  constructor(
    readonly path: string,
    reason: string,
  ) {
    super(`The directory of ${show(path)} cannot be used: ${reason}`);
  }
}

/**
 * Another process has held the lock of the directory for too long: it is stopped, or its disk hangs. Nothing was
 * changed; the scheduler tries again. A process that dies gives the lock back at once.
 *
 * @publicApi
 */
export class FileLockTimeoutError extends AsynczError {
  readonly code = 'ASYNCZ_FILE_LOCKED';

  constructor(
    readonly directory: string,
    readonly waitedMs: number,
  ) {
    super(
      `Another process holds the lock of ${show(directory)}; waited ${waitedMs} ms in vain. ` +
        'Look for a process on this directory that is stopped (SIGSTOP, a debugger) or whose disk does not answer.',
    );
  }
}
