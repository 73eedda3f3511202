import { randomBytes } from 'node:crypto';
import { constants, openSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { FileLockTimeoutError } from '../../../../lib/errors/file-store.errors.js';
import { HostLock } from '../../../../lib/stores/file/host.lock.js';
import type { Latch } from '../../../../lib/stores/file/latch.interface.js';
import { OpenedFileLatch } from '../../../../lib/stores/file/opened-file.latch.js';
import { SocketLatch } from '../../../../lib/stores/file/socket.latch.js';
import { newFolder } from './file-store.fixture.js';

/**
 * Files that are open for one alone, as macOS and Windows have them: Linux does not, so what is shown here is what the
 * latch makes of the system's answers.
 */
function exclusiveFiles(busy: string) {
  const open = new Map<number, string>();
  let last = 0;
  return {
    open: (path: string) => {
      if ([...open.values()].includes(path)) throw Object.assign(new Error('busy'), { code: busy });
      open.set((last += 1), path);
      return last;
    },
    close: (file: number) => void open.delete(file),
  };
}

const LATCHES: [string, () => () => Latch][] = [
  [
    'a socket in the abstract namespace',
    () => {
      const key = randomBytes(16).toString('hex');
      return () => new SocketLatch(key);
    },
  ],
  ...['EAGAIN', 'EBUSY'].map((busy): [string, () => () => Latch] => [
    `a file opened exclusively (${busy})`,
    () => {
      const files = exclusiveFiles(busy);
      return () => new OpenedFileLatch('/lock', files.open, files.close);
    },
  ]),
];

describe.each(LATCHES)('the lock of a directory, by %s', (_name, latches) => {
  it('is held by one at a time, and every one of many gets it', async () => {
    const latch = latches();
    let holders = 0;
    let turns = 0;
    const worker = async () => {
      const lock = new HostLock('/dir', latch(), 20_000);
      for (let left = 10; left > 0; left -= 1) {
        const release = await lock.acquire();
        holders += 1;
        expect(holders).toBe(1);
        await new Promise((resolve) => setImmediate(resolve));
        holders -= 1;
        turns += 1;
        release();
      }
    };
    await Promise.all(Array.from({ length: 8 }, worker));
    expect(turns).toBe(80);
  });

  it('lets who waits go first, however eager the holder is to have it again', async () => {
    const latch = latches();
    const eager = new HostLock('/dir', latch(), 20_000);
    const patient = new HostLock('/dir', latch(), 20_000);
    let release = await eager.acquire();
    const other = { hadIt: false };
    const waiting = patient.acquire().then((free) => {
      other.hadIt = true;
      free();
    });
    let turns = 0;
    while (!other.hadIt && turns < 500) {
      turns += 1;
      await new Promise((resolve) => setImmediate(resolve));
      release();
      release = await eager.acquire();
    }
    release();
    await waiting;
    expect(turns).toBeLessThan(500);
  });

  it('is waited for so long and no longer', async () => {
    const latch = latches();
    const release = await new HostLock('/dir', latch(), 1_000).acquire();
    const waiting = new HostLock('/dir', latch(), 60).acquire();
    await expect(waiting).rejects.toThrow(FileLockTimeoutError);
    await expect(waiting).rejects.toThrow(/"\/dir".*60 ms.*SIGSTOP/);
    release();
    (await new HostLock('/dir', latch(), 60).acquire())();
  });
});

describe('the latch by an opened file', () => {
  it('is there for macOS, the BSDs and Windows, and not for Linux', () => {
    for (const platform of ['darwin', 'freebsd', 'openbsd', 'netbsd', 'win32']) {
      expect(OpenedFileLatch.create(newFolder(), platform), platform).toBeInstanceOf(OpenedFileLatch);
    }
    expect(OpenedFileLatch.create(newFolder(), 'linux')).toBeNull();
    expect(OpenedFileLatch.create(newFolder(), 'sunos')).toBeNull();
  });

  it('takes and gives back a real file, and tells of what else goes wrong', async () => {
    const path = join(newFolder(), 'lock');
    const open = (file: string) => openSync(file, constants.O_RDWR | constants.O_CREAT, 0o600);
    const taken = await new OpenedFileLatch(path, open).tryTake();
    expect(taken?.release()).toBe(true);
    await expect(new OpenedFileLatch(join(path, 'below'), open).tryTake()).rejects.toThrow(/ENOTDIR/);
  });
});
