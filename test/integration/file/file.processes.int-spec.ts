import { randomBytes } from 'node:crypto';
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { builtLibrary } from '../../support/built-library.js';
import { newFolder, openStore } from '../../unit/stores/file/file-store.fixture.js';
import { makeTask } from '../../../lib/testing/task.fixtures.js';
import { FileStoreProcess } from './file-store.process.js';

const CLUSTER = fileURLToPath(new URL('./cluster.worker.mjs', import.meta.url));

describe('several processes on one directory', () => {
  it('run each of 2,000 one-shot tasks exactly once', async () => {
    const directory = newFolder();
    const store = await openStore({ directory });
    const ids = Array.from({ length: 2_000 }, (_, at) => `task-${at}`);
    await store.addTasks(ids.map((id) => makeTask(id, { nextRunTime: 1 })));
    const processes = await Promise.all(
      ['p1', 'p2', 'p3', 'p4'].map((owner) => FileStoreProcess.open(owner, { directory })),
    );
    const ran = await Promise.all(processes.map((one) => one.ask<string[]>('drain', 25)));
    expect(ran.flat().sort()).toEqual([...ids].sort());
    // All of them had a share: nobody was starved.
    for (const share of ran) expect(share.length).toBeGreaterThan(0);
    expect(await store.getAllTasks()).toEqual([]);
    const history = await store.runs({ status: 'succeeded' }, { limit: 5_000 });
    expect(history.runs.map(({ taskId }) => taskId).sort()).toEqual([...ids].sort());
  });

  it('wake each other at once', async () => {
    const directory = newFolder();
    const store = await openStore({ directory });
    const other = await FileStoreProcess.open('sleeper', { directory });
    await other.ask('tellWakes');
    for (let times = 0; times < 3; times += 1) {
      const woken = other.next(({ type }) => type === 'woken');
      await store.addTask(makeTask(`t${times}`, { nextRunTime: 1 }));
      await store.wake(1);
      await woken;
      expect(await other.ask('call', 'getNextRunTime')).toBe(1);
    }
  });

  it('do not wake themselves', async () => {
    const directory = newFolder();
    const store = await openStore({ directory });
    const other = await FileStoreProcess.open('other', { directory });
    let own = 0;
    store.onWake(() => (own += 1));
    await other.ask('tellWakes');
    const woken = other.next(({ type }) => type === 'woken');
    await store.wake(1);
    await woken;
    expect(own).toBe(0);
  });

  it('are told apart also where node:cluster shares what they listen on', async () => {
    const key = randomBytes(16).toString('hex');
    const { stdout } = await promisify(execFile)(process.execPath, [CLUSTER, await builtLibrary(), key]);
    expect(JSON.parse(stdout)).toEqual({ first: true, second: false, secondAfterRelease: true });
  });
});
