import { closeSync, constants, openSync } from 'node:fs';
import { join } from 'node:path';
import { MACHINE } from '../../model/clock.js';
import { pause } from '../../time/wait.js';
import { hasCode } from './durable.fs.js';
import type { Latch, Taken } from './latch.interface.js';

/**
 * libuv's `UV_FS_O_EXLOCK`: opens a file for this process alone, until it is closed or the process ends. macOS and the
 * BSDs have it as O_EXLOCK; Linux has nothing of the kind.
 */
const FLAGS: Readonly<Record<string, number>> = {
  darwin: 0x20 | constants.O_NONBLOCK,
  freebsd: 0x20 | constants.O_NONBLOCK,
  openbsd: 0x20 | constants.O_NONBLOCK,
  netbsd: 0x20 | constants.O_NONBLOCK,
  win32: 0x1000_0000,
};

/** How long to wait between two tries, in milliseconds: nobody tells when the file is closed. */
const RETRY_MS = 5;

/** Opens a file for this process alone. */
export type OpenExclusively = (path: string) => number;

/** A file that the system lets only one process have open. It stays where it is: its being there says nothing. */
export class OpenedFileLatch implements Latch {
  constructor(
    private readonly path: string,
    private readonly open: OpenExclusively,
    private readonly close: (file: number) => void = closeSync,
  ) {}

  /** @returns null where the operating system cannot open a file for one process alone. */
  static create(folder: string, platform: string = process.platform): OpenedFileLatch | null {
    const flags = FLAGS[platform];
    if (flags === undefined) return null;
    const all = constants.O_RDWR | constants.O_CREAT | flags;
    return new OpenedFileLatch(join(folder, 'lock'), (path) => openSync(path, all, 0o600));
  }

  tryTake(): Promise<Taken | null> {
    return new Promise((resolve) => {
      try {
        const file = this.open(this.path);
        resolve({
          release: () => {
            this.close(file);
            // Who waits is not to be seen, so there may always be somebody.
            return true;
          },
        });
      } catch (error) {
        // EWOULDBLOCK is EAGAIN; EBUSY is a sharing violation on Windows.
        if (!hasCode(error, 'EAGAIN', 'EBUSY')) throw error;
        resolve(null);
      }
    });
  }

  untilFree(limitMs: number): Promise<void> {
    return pause(MACHINE, Math.min(limitMs, RETRY_MS));
  }
}
