import { randomBytes } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { FileLockTimeoutError } from '../../../lib/errors/file-store.errors.js';
import { DirectoryLayout } from '../../../lib/stores/file/directory.layout.js';
import { createHostLock } from '../../../lib/stores/file/host.lock.js';
import { FileStore } from '../../../lib/stores/file/file.store.js';
import { createStoreContext } from '../../../lib/testing/store-context.js';
import { makeTask } from '../../../lib/testing/task.fixtures.js';
import { newFolder, openStore } from '../../unit/stores/file/file-store.fixture.js';
import { FileStoreProcess } from './file-store.process.js';

const newKey = () => randomBytes(16).toString('hex');
const lockOf = (directory: string, key: string, timeoutMs: number) =>
  createHostLock(new DirectoryLayout(directory, '.task'), key, timeoutMs);

describe('the lock of a directory, between processes', () => {
  it('is free the moment that its holder is killed, to one that waits and to one that comes later', async () => {
    const directory = newFolder();
    for (let round = 0; round < 5; round += 1) {
      const key = newKey();
      const holder = await FileStoreProcess.create('holder', { directory });
      await holder.ask('holdLock', key);
      await expect(lockOf(directory, key, 50).acquire()).rejects.toThrow(FileLockTimeoutError);
      const waiting = lockOf(directory, key, 20_000).acquire();
      const killed = performance.now();
      await holder.kill();
      const release = await waiting;
      // At once, not after a lease or with the next look.
      expect(performance.now() - killed).toBeLessThan(900);
      release();
      (await lockOf(directory, key, 50).acquire())();
    }
  });

  it('stays with a holder that is stopped: others wait, fail with the reason, and go on when it does', async () => {
    const directory = newFolder();
    const store = await openStore({ directory, lockTimeoutMs: 300 });
    await store.addTask(makeTask('before', { nextRunTime: 1 }));
    const { lock: key } = JSON.parse(await readFile(join(directory, '.asyncz', 'format.json'), 'utf8')) as {
      lock: string;
    };
    const holder = await FileStoreProcess.create('holder', { directory });
    await holder.ask('holdLock', key);
    holder.signal('SIGSTOP');
    await expect(store.addTask(makeTask('a'))).rejects.toThrow(FileLockTimeoutError);
    await expect(store.deleteTask('before')).rejects.toThrow(/300 ms.*SIGSTOP/);
    // Nothing happened, and what needs no lock still works.
    expect((await store.getAllTasks()).map(({ id }) => id)).toEqual(['before']);
    expect(await store.getNextRunTime()).toBe(1);
    await store.heartbeat({ identity: 'x' } as never);
    holder.signal('SIGCONT');
    await holder.kill();
    await store.addTask(makeTask('a'));
    expect((await store.getAllTasks()).length).toBe(2);
  });

  it('tells processes apart that have the same process id', async () => {
    const directory = newFolder();
    const key = newKey();
    // In a namespace of its own every first process has the id 1: what a reused id looks like, only surer.
    const own = ['unshare', '--pid', '--fork', '--kill-child'];
    const first = await FileStoreProcess.create('first', { directory }, own);
    const second = await FileStoreProcess.create('second', { directory }, own);
    expect([await first.ask('pid'), await second.ask('pid')]).toEqual([1, 1]);
    await first.ask('holdLock', key);
    await expect(lockOf(directory, key, 50).acquire()).rejects.toThrow(FileLockTimeoutError);
    const waiting = second.ask('holdLock', key);
    await first.kill();
    await waiting;
    await expect(lockOf(directory, key, 50).acquire()).rejects.toThrow(FileLockTimeoutError);
    await second.kill();
    (await lockOf(directory, key, 5_000).acquire())();
  });

  it('keeps a container out that shares the directory and not the network, and lets it in when the other is gone', async () => {
    const directory = newFolder();
    const container = await FileStoreProcess.open('container', { directory }, ['unshare', '--net']);
    await container.ask('add', ['theirs'], {});
    const start = () => new FileStore({ directory }).start(createStoreContext({ alias: 'files' }));
    await expect(start()).rejects.toThrow(
      /"files" is in use by the scheduler "container" \(process \d+ on .*one network/,
    );
    await container.ask('call', 'shutdown');
    const store = await openStore({ directory });
    expect((await store.getAllTasks()).map(({ id }) => id)).toEqual(['theirs']);
    const next = await FileStoreProcess.create('next', { directory }, ['unshare', '--net']);
    await expect(next.ask('start')).rejects.toMatchObject({ code: 'ASYNCZ_STORE_IN_USE' });
  });

  it('waits for a container that was killed a moment ago, and then goes on', async () => {
    const directory = newFolder();
    const container = await FileStoreProcess.open('container', { directory }, ['unshare', '--net']);
    await container.ask('add', ['theirs'], {});
    await container.kill();
    const store = await openStore({ directory });
    expect((await store.getAllTasks()).map(({ id }) => id)).toEqual(['theirs']);
  });
});
