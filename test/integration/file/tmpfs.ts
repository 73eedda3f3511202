import { spawnSync } from 'node:child_process';
import { onTestFinished } from 'vitest';
import { newFolder } from '../../unit/stores/file/file-store.fixture.js';

/**
 * Mounts a small disk, which is unmounted when the test has finished. Throws where that is not allowed: a test of a full
 * disk that did not run must not look as if it had.
 *
 * @param size Such as `2m`.
 */
export function mountTmpfs(size: string): string {
  const folder = newFolder();
  run('mount', '-t', 'tmpfs', '-o', `size=${size}`, 'tmpfs', folder);
  // Lazily: a process that was killed may still be on its way out.
  onTestFinished(() => run('umount', '-l', folder));
  return folder;
}

/** Makes a mounted disk read-only, or writable again. */
export function remount(folder: string, mode: 'ro' | 'rw'): void {
  run('mount', '-o', `remount,${mode}`, folder);
}

function run(command: string, ...args: string[]): void {
  const { status, stderr, error } = spawnSync(command, args, { encoding: 'utf8' });
  if (status === 0) return;
  throw new Error(
    `DID NOT RUN: "${command} ${args.join(' ')}" failed, and what is tested here needs a small disk of its own. ` +
      `Run the tests as root, or in "unshare --user --map-root-user --mount". ${stderr ?? String(error)}`,
  );
}
