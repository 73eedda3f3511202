import { readFile, rename, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { isUnreadable } from '../../../../lib/model/task.js';
import type { UnreadableTask } from '../../../../lib/model/task.js';
import { FileStore } from '../../../../lib/stores/file/file.store.js';
import { createStoreContext } from '../../../../lib/testing/store-context.js';
import { startDue } from '../../../../lib/testing/plan.fixtures.js';
import { makeTask } from '../../../../lib/testing/task.fixtures.js';
import { filed, newFolder, openStore, taskFiles } from './file-store.fixture.js';
import { claimDue } from '../../../../lib/testing/store.steps.js';

const SECRET = 'a secret of more than sixteen bytes';
const CLAIM = { limit: 100, handlers: null };

describe('records of a file store that cannot be read', () => {
  it('are found out whichever byte of an encrypted file is another one', async () => {
    const directory = newFolder();
    const store = await openStore({ directory }, { keys: SECRET });
    await store.addTask(makeTask('a', { args: ['secret'], nextRunTime: 1 }));
    await filed(store, directory, ['a.task']);
    const path = join(directory, 'a.task');
    const whole = await readFile(path);
    for (let at = 0; at < whole.length; at += 1) {
      const changed = Buffer.from(whole);
      changed[at]! ^= 1 << (at % 8);
      await writeFile(path, changed);
      expect(await store.lookupTask('a'), `byte ${at}`).toHaveProperty('unreadable');
    }
    await writeFile(path, whole);
    expect(await store.lookupTask('a')).toEqual(makeTask('a', { args: ['secret'], nextRunTime: 1 }));
  });

  it('are both of two files that were swapped', async () => {
    const directory = newFolder();
    const store = await openStore({ directory }, { keys: SECRET });
    await store.addTasks([makeTask('a', { nextRunTime: 1 }), makeTask('b', { nextRunTime: 1 })]);
    await filed(store, directory, ['a.task', 'b.task']);
    await rename(join(directory, 'a.task'), join(directory, 'c'));
    await rename(join(directory, 'b.task'), join(directory, 'a.task'));
    await rename(join(directory, 'c'), join(directory, 'b.task'));
    for (const id of ['a', 'b']) expect(await store.lookupTask(id)).toMatchObject({ id, unreadable: 'damaged' });
    expect((await claimDue(store, CLAIM, startDue('x', 600_000))).claimed).toEqual([]);
    expect((await store.getAllTasks()).map(({ id }) => id)).toEqual(['a', 'b']);
  });

  it('stay byte for byte as they are under a wrong key, whatever the store does', async () => {
    const directory = newFolder();
    const first = await openStore({ directory }, { keys: SECRET });
    await first.addTasks(['a', 'b', 'c'].map((id) => makeTask(id, { args: [id], nextRunTime: 1 })));
    await first.shutdown();
    const before = await taskFiles(directory);
    const times = await Promise.all(
      Object.keys(before).map(async (name) => (await stat(join(directory, name))).ctimeMs),
    );
    const reported: UnreadableTask[] = [];
    const second = await openStore(
      { directory, cleanupDirectory: true },
      { keys: 'another secret of sixteen bytes', onUnreadable: (task) => reported.push(task) },
    );
    expect((await second.getAllTasks()).every(isUnreadable)).toBe(true);
    expect((await claimDue(second, CLAIM, startDue('x', 600_000))).claimed).toEqual([]);
    expect(await second.getNextRunTime()).toBeNull();
    const { unreadable, committed } = await second.transact({ ids: ['a', 'b', 'c'] }, (task) => ({
      task,
      history: [],
      value: null,
    }));
    expect([unreadable.length, committed.length]).toEqual([3, 0]);
    await second.pruneRuns({ before: 1, keep: 0, failedBefore: null, limit: 10 });
    await second.shutdown();
    expect(await taskFiles(directory)).toEqual(before);
    const after = await Promise.all(
      Object.keys(before).map(async (name) => (await stat(join(directory, name))).ctimeMs),
    );
    expect(after).toEqual(times);
    expect([...new Set(reported.map(({ id, unreadable: reason }) => `${id} ${reason}`))].sort()).toEqual([
      'a wrong-key',
      'b wrong-key',
      'c wrong-key',
    ]);
    const third = await openStore({ directory }, { keys: SECRET });
    expect((await third.getDueTasks(2)).map(({ definition }) => definition.args)).toEqual([['a'], ['b'], ['c']]);
  });

  it('are not read again by a poll until their file changes, and then without a restart', async () => {
    const directory = newFolder();
    const store = await openStore({ directory });
    await store.addTask(makeTask('a', { nextRunTime: 1 }));
    await filed(store, directory, ['a.task']);
    const path = join(directory, 'a.task');
    const whole = await readFile(path);
    const write = async (content: Buffer, time: number) => {
      await writeFile(path, content);
      await utimes(path, time, time);
    };
    const claim = async () => (await claimDue(store, CLAIM, startDue('x', 600_000))).claimed.map(({ id }) => id);
    const damaged = Buffer.from(whole);
    damaged[5]! ^= 1;
    await write(damaged, 1_000);
    expect(await claim()).toEqual([]);
    // Whole again, but by size and time the file that was found damaged: only reading could tell.
    await write(whole, 1_000);
    expect(await claim()).toEqual([]);
    await write(whole, 1_001);
    expect(await claim()).toEqual(['a']);
  });

  it('heal when the keys change while the store is open', async () => {
    const directory = newFolder();
    const writer = await openStore({ directory }, { keys: SECRET });
    await writer.addTask(makeTask('a', { nextRunTime: 1 }));
    const ring = { keys: 'another secret of sixteen bytes' };
    const store = new FileStore({ directory });
    const context = createStoreContext({ keys: ring.keys });
    // A codec whose keys are exchanged, as a provider of keys does.
    const codecs = {
      wrong: context.createCodec(),
      right: createStoreContext({ keys: [ring.keys, SECRET] }).createCodec(),
    };
    let codec = codecs.wrong;
    const current = new Proxy(codec, {
      get: (_, name) => {
        const member: unknown = Reflect.get(codec, name);
        return typeof member === 'function' ? (member.bind(codec) as unknown) : member;
      },
    });
    await store.start({ ...context, createCodec: () => current });
    expect(await store.getDueTasks(2)).toEqual([]);
    codec = codecs.right;
    expect((await store.getDueTasks(2)).map(({ id }) => id)).toEqual(['a']);
    await store.shutdown();
  });

  it('do not slow a poll down when there are thousands', async () => {
    const directory = newFolder();
    const first = await openStore({ directory, fsync: false }, { keys: SECRET });
    await first.addTasks(Array.from({ length: 1_000 }, (_, at) => makeTask(`t${at}`, { nextRunTime: 1 })));
    await first.shutdown();
    const second = await openStore({ directory, fsync: false }, { keys: 'another secret of sixteen bytes' });
    await second.addTask(makeTask('mine', { nextRunTime: 1 }));
    const { claimed } = await claimDue(second, { ...CLAIM, limit: 1 }, startDue('x', 600_000));
    expect(claimed.map(({ id }) => id)).toEqual(['mine']);
    expect(await bytesReadBy(async () => void (await second.getNextRunTime()))).toBeLessThan(4_096);
  });
});

describe('a poll of a file store', () => {
  it('reads no task file when nothing is due among thousands', async () => {
    const directory = newFolder();
    const store = await openStore({ directory, fsync: false });
    await store.addTasks(
      Array.from({ length: 2_000 }, (_, at) => makeTask(`t${at}`, { nextRunTime: 4_102_444_800_000 })),
    );
    const poll = async () => {
      expect((await claimDue(store, CLAIM, startDue('x', 600_000))).claimed).toEqual([]);
      expect(await store.nextDueFor({ handlers: ['work'] })).toBe(4_102_444_800_000);
    };
    await poll();
    // A task file has more than a thousand bytes: the rest is Node's own pipes.
    expect(
      await bytesReadBy(async () => {
        for (let times = 0; times < 20; times += 1) await poll();
      }),
    ).toBeLessThan(20 * 256);
  });

  it('sees what another store did, without reading what did not change', async () => {
    const directory = newFolder();
    const store = await openStore({ directory, fsync: false });
    const other = await openStore({ directory, fsync: false });
    await store.addTasks(
      Array.from({ length: 500 }, (_, at) => makeTask(`t${at}`, { nextRunTime: 4_102_444_800_000 })),
    );
    expect(await other.getNextRunTime()).toBe(4_102_444_800_000);
    await store.addTask(makeTask('soon', { nextRunTime: 5 }));
    expect(await bytesReadBy(async () => expect(await other.getNextRunTime()).toBe(5))).toBeLessThan(8_192);
    await store.deleteTask('soon');
    expect(await other.getNextRunTime()).toBe(4_102_444_800_000);
  });

  it('finds everything when the journal was removed by hand', async () => {
    const directory = newFolder();
    const store = await openStore({ directory });
    const other = await openStore({ directory });
    await store.addTask(makeTask('a', { nextRunTime: 1 }));
    await rm(join(directory, '.asyncz', 'journal.jsonl'));
    await store.addTask(makeTask('b', { nextRunTime: 2 }));
    expect((await other.getDueTasks(4)).map(({ id }) => id)).toEqual(['a', 'b']);
    await other.deleteTask('a');
    expect((await store.getDueTasks(4)).map(({ id }) => id)).toEqual(['b']);
  });
});

/** How many bytes this process reads, from whatever it is, while `work` goes on. */
async function bytesReadBy(work: () => Promise<void>): Promise<number> {
  const read = () => Number(/rchar: (\d+)/.exec(readFileSync('/proc/self/io', 'utf8'))![1]);
  const before = read();
  await work();
  return read() - before;
}
