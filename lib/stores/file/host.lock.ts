import { FileLockTimeoutError, FileStoreError } from '../../errors/file-store.errors.js';
import { MACHINE } from '../../model/clock.js';
import { pause } from '../../time/wait.js';
import type { DirectoryLayout } from './directory.layout.js';
import type { Latch } from './latch.interface.js';
import { OpenedFileLatch } from './opened-file.latch.js';
import { SocketLatch } from './socket.latch.js';

/** How long to stand back when others wait, in milliseconds: long enough that one of them is faster. */
const GIVE_WAY_MS = 2;

/** Lets one process of this host at a time change a directory. See `docs/adr/0010-file-store-lock.md`. */
export class HostLock {
  #givesWay = false;

  constructor(
    readonly directory: string,
    private readonly latch: Latch,
    private readonly timeoutMs: number,
  ) {}

  /**
   * Waits for the lock.
   *
   * @returns A function that gives it back.
   * @throws FileLockTimeoutError When another process has it for too long.
   */
  async acquire(): Promise<() => void> {
    const start = MACHINE.monotonic();
    // Whoever asks again at once is always faster than the one that must first be told, who would starve.
    if (this.#givesWay) await pause(MACHINE, GIVE_WAY_MS);
    for (;;) {
      const taken = await this.latch.tryTake();
      if (taken) return () => (this.#givesWay = taken.release());
      const left = this.timeoutMs - (MACHINE.monotonic() - start);
      if (left <= 0) throw new FileLockTimeoutError(this.directory, this.timeoutMs);
      await this.latch.untilFree(left);
    }
  }
}

/**
 * The lock of a directory by what this operating system has.
 *
 * @param key What only those know who may read the directory: names the lock.
 * @throws FileStoreError When there is nothing that serves.
 */
export function createHostLock(layout: DirectoryLayout, key: string, timeoutMs: number): HostLock {
  return new HostLock(layout.directory, createLatch(layout, key), timeoutMs);
}

function createLatch(layout: DirectoryLayout, key: string): Latch {
  if (process.platform === 'linux') return new SocketLatch(key);
  const latch = OpenedFileLatch.create(layout.home);
  if (latch) return latch;
  throw new FileStoreError(
    layout.directory,
    new Error(`no lock is known that ends with its process on ${process.platform}`),
  );
}
