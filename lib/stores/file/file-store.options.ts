import { resolve } from 'node:path';
import { InvalidOptionError, rejectUnknownOptions } from '../../errors/input.errors.js';
import { namesOf } from '../../model/names.js';

/**
 * Options of a file store: its directory, and how files are written there.
 *
 * @publicApi
 */
export interface FileStoreOptions {
  /** The folder of the tasks. Made at the start if it is not there, with its parents. Belongs to one scheduler name. */
  readonly directory: string;
  /**
   * How the name of a task's file ends: a dot, then letters, digits, `.`, `_` or `-`.
   *
   * @default '.task'
   */
  readonly suffix?: string;
  /**
   * The mode of the folders, of which the umask takes away as usual; files have the same without the right to execute.
   *
   * @default 0o700
   */
  readonly mode?: number;
  /**
   * Whether a shutdown removes what the store has written, tasks and history too. Foreign files, records that cannot be
   * read, and a directory that another process still uses are left alone.
   *
   * @default false
   */
  readonly cleanupDirectory?: boolean;
  /**
   * The name of the serializer for arguments and results.
   *
   * @default the scheduler's, which is `json` unless configured
   */
  readonly serializer?: string;
  /**
   * Whether every write waits until the disk has it. Without it tasks survive the death of a process as well, but the last
   * changes may be lost when the machine loses power.
   *
   * @default true
   */
  readonly fsync?: boolean;
  /**
   * How long an operation waits for another process to give the directory's lock back, in milliseconds.
   *
   * @default 30000
   */
  readonly lockTimeoutMs?: number;
}

/** Every option filled in. */
export interface ResolvedFileStoreOptions extends Required<Omit<FileStoreOptions, 'serializer'>> {
  readonly serializer: string | undefined;
}

const DEFAULT_SUFFIX = '.task';
const DEFAULT_MODE = 0o700;
const DEFAULT_LOCK_TIMEOUT_MS = 30_000;

const SUFFIX = /^\.[A-Za-z0-9](?:[A-Za-z0-9._-]{0,30}[A-Za-z0-9])?$/;

const OPTIONS = namesOf<keyof FileStoreOptions>({
  directory: 0,
  suffix: 0,
  mode: 0,
  cleanupDirectory: 0,
  serializer: 0,
  fsync: 0,
  lockTimeoutMs: 0,
});

/**
 * Checks the options and fills in what is not given.
 *
 * @throws UnknownOptionError When there is one that does not exist.
 * @throws InvalidOptionError When one has a value that is not allowed.
 */
export function resolveFileStoreOptions(options: FileStoreOptions): ResolvedFileStoreOptions {
  if (typeof options !== 'object' || options === null) {
    throw new InvalidOptionError('options of FileStore', options, 'an object with a "directory"');
  }
  rejectUnknownOptions('FileStore', options, OPTIONS);
  const {
    directory,
    suffix = DEFAULT_SUFFIX,
    mode = DEFAULT_MODE,
    cleanupDirectory = false,
    serializer,
    fsync = true,
    lockTimeoutMs = DEFAULT_LOCK_TIMEOUT_MS,
  } = options;
  check('directory', directory, 'a path', typeof directory === 'string' && isPath(directory));
  check('suffix', suffix, 'such as ".task": a dot, then letters, digits, ".", "_" or "-"', isSuffix(suffix));
  // Without these its owner could not use the folder either.
  check('mode', mode, 'a number from 0o700 to 0o777', isWholeNumber(mode, 0o700, 0o777));
  check('cleanupDirectory', cleanupDirectory, 'true or false', typeof cleanupDirectory === 'boolean');
  check('fsync', fsync, 'true or false', typeof fsync === 'boolean');
  const serializerAllowed = serializer === undefined || (typeof serializer === 'string' && serializer !== '');
  check('serializer', serializer, 'the name of a serializer', serializerAllowed);
  const timeoutAllowed = isWholeNumber(lockTimeoutMs, 1, 3_600_000);
  check('lockTimeoutMs', lockTimeoutMs, 'a whole number of milliseconds from 1 to 3600000', timeoutAllowed);
  return { directory: resolve(directory), suffix, mode, cleanupDirectory, serializer, fsync, lockTimeoutMs };
}

function check(option: string, value: unknown, allowed: string, isAllowed: boolean): void {
  if (!isAllowed) throw new InvalidOptionError(option, value, allowed);
}

function isPath(value: string): boolean {
  return value.trim() !== '' && !value.includes('\0');
}

function isSuffix(value: unknown): boolean {
  return typeof value === 'string' && SUFFIX.test(value);
}

function isWholeNumber(value: unknown, from: number, to: number): boolean {
  return Number.isInteger(value) && Number(value) >= from && Number(value) <= to;
}
