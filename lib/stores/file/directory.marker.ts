import { randomBytes } from 'node:crypto';
import { link, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { FileStoreError, FileStoreFormatError } from '../../errors/file-store.errors.js';
import { StoreInUseError } from '../../errors/store.errors.js';
import { flushFolder, hasCode, readText, writeNewFile } from './durable.fs.js';
import type { DirectoryLayout } from './directory.layout.js';

/** The version of the whole layout; a directory of another one is refused. */
const FORMAT = 1;

/** What a directory says of itself. */
export interface Marker {
  readonly format: number;
  /** The name of the scheduler that it belongs to. */
  readonly scheduler: string;
  readonly suffix: string;
  /** Names the lock: only who may read the directory can get in its way. */
  readonly lock: string;
  /** Whether the store made the directory, and may remove it. */
  readonly madeDirectory: boolean;
}

/** What the directory is expected to say. */
export interface Owner {
  readonly alias: string;
  readonly scheduler: string;
}

/**
 * Reads whose directory this is, and says so where nobody did before.
 *
 * @throws StoreInUseError When it belongs to a scheduler of another name.
 * @throws FileStoreFormatError When it was written in another format or with another suffix.
 */
export async function claimDirectory(
  layout: DirectoryLayout,
  owner: Owner,
  madeDirectory: boolean,
  mode: number,
): Promise<Marker> {
  const marker = (await readMarker(layout)) ?? (await writeMarker(layout, owner, madeDirectory, mode));
  if (marker.scheduler !== owner.scheduler) {
    throw new StoreInUseError(
      owner.alias,
      `the scheduler "${marker.scheduler}"`,
      `The directory ${layout.directory} belongs to it; give "${owner.scheduler}" a directory of its own. ` +
        `If it was renamed, stop it and change "scheduler" in ${layout.marker}.`,
    );
  }
  if (marker.suffix !== layout.suffix) {
    throw new FileStoreFormatError(
      layout.marker,
      `its tasks are in files that end with "${marker.suffix}", not "${layout.suffix}". Use suffix: "${marker.suffix}".`,
    );
  }
  return marker;
}

async function readMarker({ marker: path }: DirectoryLayout): Promise<Marker | null> {
  const text = await readText(path).catch((error: unknown) => {
    throw new FileStoreError(path, error);
  });
  if (text === null) return null;
  let marker: Partial<Marker> | null;
  try {
    marker = JSON.parse(text) as Partial<Marker> | null;
  } catch {
    marker = null;
  }
  const { format, scheduler, suffix, lock, madeDirectory } = marker ?? {};
  if (typeof format === 'number' && format > FORMAT) {
    throw new FileStoreFormatError(
      path,
      `it has format ${format}, and this version of nestjs-asyncz knows ${FORMAT}. Use the version that wrote it, or a newer one.`,
    );
  }
  if (
    format !== FORMAT ||
    typeof scheduler !== 'string' ||
    typeof suffix !== 'string' ||
    typeof lock !== 'string' ||
    !/^[0-9a-f]{32}$/.test(lock)
  ) {
    throw new FileStoreFormatError(
      path,
      'the file is damaged. Stop every process that uses the directory and remove the file; the tasks stay.',
    );
  }
  return { format, scheduler, suffix, lock, madeDirectory: madeDirectory === true };
}

async function writeMarker(
  layout: DirectoryLayout,
  owner: Owner,
  madeDirectory: boolean,
  mode: number,
): Promise<Marker> {
  const marker: Marker = {
    format: FORMAT,
    scheduler: owner.scheduler,
    suffix: layout.suffix,
    lock: randomBytes(16).toString('hex'),
    madeDirectory,
  };
  const temporary = join(layout.home, `format-${marker.lock}.tmp`);
  await writeNewFile(temporary, `${JSON.stringify(marker, null, 2)}\n`, { mode, flush: true });
  try {
    // A link never replaces: of several processes that start at the same time one is first, and the others read its.
    await link(temporary, layout.marker);
    await flushFolder(layout.home);
  } catch (error) {
    // ENOENT: somebody who has started already took it for a leftover.
    if (!hasCode(error, 'EEXIST', 'ENOENT')) await withoutLinks(error, temporary, layout.marker);
  } finally {
    await rm(temporary, { force: true });
  }
  const written = await readMarker(layout);
  if (!written) throw new FileStoreError(layout.marker, new Error('it was removed while the store started'));
  return written;
}

/** Some disks (FAT, shares) know no links. */
async function withoutLinks(error: unknown, temporary: string, marker: string): Promise<void> {
  if (!hasCode(error, 'EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'EMLINK')) throw new FileStoreError(marker, error);
  if ((await readText(marker)) === null) await rename(temporary, marker);
}
