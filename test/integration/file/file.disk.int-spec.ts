import { mkdirSync, statfsSync, writeFileSync } from 'node:fs';
import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { FileStoreError } from '../../../lib/errors/file-store.errors.js';
import { isUnreadable } from '../../../lib/model/task.js';
import { FileStore } from '../../../lib/stores/file/file.store.js';
import { createStoreContext } from '../../../lib/testing/store-context.js';
import { resultOf, startDue } from '../../../lib/testing/plan.fixtures.js';
import { makeRun, makeTask } from '../../../lib/testing/task.fixtures.js';
import { filed, newFolder, openStore, taskFiles } from '../../unit/stores/file/file-store.fixture.js';
import { FileStoreProcess } from './file-store.process.js';
import { mountTmpfs, remount } from './tmpfs.js';
import { claimDue, finishRuns } from '../../../lib/testing/store.steps.js';

const LARGE = 'x'.repeat(20_000);

/** Fills a disk to the last block. */
function fill(folder: string): string {
  const path = join(folder, 'ballast');
  const block = Buffer.alloc(4_096);
  for (let blocks = 0; blocks < 100_000 && statfsSync(folder).bavail > 0; blocks += 1) {
    writeFileSync(path, block, { flag: 'a' });
  }
  expect(statfsSync(folder).bavail).toBe(0);
  return path;
}

const claim = async (store: FileStore) => claimDue(store, { limit: 9, handlers: null }, startDue('x', 60_000));

async function reasonOf(work: Promise<unknown>): Promise<FileStoreError> {
  const reason: unknown = await work.then(
    () => null,
    (error: unknown) => error,
  );
  expect(reason).toBeInstanceOf(FileStoreError);
  return reason as FileStoreError;
}

describe('a full disk', () => {
  it('refuses what has no room, says so, and keeps everything as it was', async () => {
    const disk = mountTmpfs('1m');
    const directory = join(disk, 'tasks');
    const store = await openStore({ directory });
    // A claim of them has no room in what is left of a block.
    const tasks = ['a', 'b', 'c'].map((id) => makeTask(id, { nextRunTime: 1, args: ['x'.repeat(2_000)] }));
    await store.addTasks(tasks);
    await store.saveRuns([makeRun('r')]);
    // Of what is in a file the whole is written when it changes.
    await filed(store, directory, ['a.task', 'b.task', 'c.task']);
    // In the journal alone, which could not be much shorter.
    const late = makeTask('late', { args: [LARGE] });
    await store.addTask(late);
    const ballast = fill(disk);
    const before = await taskFiles(directory);

    const added = await reasonOf(store.addTask(makeTask('d', { args: [LARGE] })));
    expect(added).toMatchObject({ code: 'ASYNCZ_FILE_DISK_FULL', path: expect.stringContaining(directory) as string });
    expect(added.message).toMatch(/the disk is full \(ENOSPC\)/);
    await reasonOf(store.updateTask({ ...makeTask('a', { args: [LARGE] }), version: 2 }, 1));
    await reasonOf(claim(store));
    await reasonOf(store.saveRuns(Array.from({ length: 50 }, (_, at) => makeRun(`big-${at}`, { result: LARGE }))));

    expect(await taskFiles(directory)).toEqual(before);
    expect(await readdir(join(directory, '.asyncz', 'tmp'))).toEqual([]);
    expect(await store.getAllTasks()).toEqual([...tasks, late]);
    expect((await store.getDueTasks(1)).map(({ id }) => id)).toEqual(['a', 'b', 'c']);
    expect((await store.runs({}, { limit: 9 })).runs).toEqual([makeRun('r')]);

    await rm(ballast);
    await store.addTask(makeTask('d', { args: [LARGE] }));
    const { claimed } = await claim(store);
    expect(claimed.map(({ id }) => id)).toEqual(['a', 'b', 'c']);
    const { settled } = await finishRuns(
      store,
      claimed.flatMap(({ task, start }) => start.map((run) => resultOf(task!, run, 'succeeded'))),
    );
    expect(settled).toHaveLength(3);
    expect((await store.runs({}, { limit: 9 })).runs).toHaveLength(4);
  });

  it('adds all of many tasks or none', async () => {
    const disk = mountTmpfs('1m');
    const directory = join(disk, 'tasks');
    const store = await openStore({ directory });
    await reasonOf(store.addTasks(Array.from({ length: 4_000 }, (_, at) => makeTask(`t${at}`, { nextRunTime: 1 }))));
    expect(await store.getAllTasks()).toEqual([]);
    expect(await store.getNextRunTime()).toBeNull();
    expect(await taskFiles(directory)).toEqual({});
    const other = await openStore({ directory });
    expect(await other.getAllTasks()).toEqual([]);
    await store.addTasks(Array.from({ length: 40 }, (_, at) => makeTask(`t${at}`)));
    expect(await other.getAllTasks()).toHaveLength(40);
  });

  it('changes all tasks of a step or none', async () => {
    const disk = mountTmpfs('1m');
    const store = await openStore({ directory: join(disk, 'tasks') });
    const ids = Array.from({ length: 60 }, (_, at) => `t${at}`);
    await store.addTasks(ids.map((id) => makeTask(id, { nextRunTime: 1 })));
    const ballast = fill(disk);
    await rm(ballast);
    writeFileSync(ballast, Buffer.alloc((statfsSync(disk).bavail - 5) * 4_096));
    const rename = (selected: readonly string[]) =>
      store.transact({ ids: selected }, (task) => ({
        task: { ...task, definition: { ...task.definition, name: 'changed' } },
        value: null,
      }));
    await reasonOf(rename(ids));
    const names = async () =>
      new Map((await store.getAllTasks()).map((task) => [task.id, isUnreadable(task) ? '' : task.definition.name]));
    expect(await names()).toEqual(new Map(ids.toSorted().map((id) => [id, id])));
    // Less than that has room, also beside something that has not.
    const [few, many] = await Promise.allSettled([rename(['t1']), rename(ids)]);
    expect([few.status, many.status]).toEqual(['fulfilled', 'rejected']);
    expect((await names()).get('t1')).toBe('changed');
    expect((await names()).get('t2')).toBe('t2');
  });

  it('lets tasks be deleted, which makes room', async () => {
    const disk = mountTmpfs('1m');
    const store = await openStore({ directory: join(disk, 'tasks') });
    await store.addTasks(Array.from({ length: 20 }, (_, at) => makeTask(`t${at}`)));
    fill(disk);
    for (let at = 0; at < 20; at += 1) expect(await store.deleteTask(`t${at}`)).toBe(true);
    await store.addTask(makeTask('new'));
    expect((await store.getAllTasks()).map(({ id }) => id)).toEqual(['new']);
  });

  it('has room for a claim where most of the journal is past', async () => {
    const disk = mountTmpfs('1m');
    const directory = join(disk, 'tasks');
    const store = await openStore({ directory });
    const tasks = ['a', 'b', 'c'].map((id) => makeTask(id, { nextRunTime: 1, args: ['x'.repeat(4_000)] }));
    await store.addTasks(tasks);
    await filed(store, directory, ['a.task', 'b.task', 'c.task']);
    fill(disk);
    expect((await claim(store)).claimed.map(({ id }) => id)).toEqual(['a', 'b', 'c']);
  });

  it('is told of at the start', async () => {
    const disk = mountTmpfs('1m');
    fill(disk);
    const directory = join(disk, 'tasks');
    const error = await reasonOf(new FileStore({ directory }).start(createStoreContext()));
    expect(error).toMatchObject({ code: 'ASYNCZ_FILE_DISK_FULL', reason: 'the disk is full (ENOSPC)' });
    expect(error.path.startsWith(directory)).toBe(true);
  });
});

describe('a read-only disk', () => {
  it('is told of at the start', async () => {
    const disk = mountTmpfs('1m');
    const directory = join(disk, 'tasks');
    remount(disk, 'ro');
    onTestFinished(() => remount(disk, 'rw'));
    const error = await reasonOf(new FileStore({ directory }).start(createStoreContext()));
    expect(error).toMatchObject({ code: 'ASYNCZ_FILE_READ_ONLY', path: directory });
  });

  it('is told of at the start also where the directory is there already', async () => {
    const disk = mountTmpfs('1m');
    const directory = join(disk, 'tasks');
    const store = await openStore({ directory });
    await store.addTask(makeTask('a'));
    await store.shutdown();
    remount(disk, 'ro');
    const error = await reasonOf(new FileStore({ directory }).start(createStoreContext()));
    expect(error.code).toBe('ASYNCZ_FILE_READ_ONLY');
    remount(disk, 'rw');
    expect((await (await openStore({ directory })).getAllTasks()).map(({ id }) => id)).toEqual(['a']);
  });
});

describe('a directory without permission', () => {
  it('is told of at the start, with its path', async () => {
    const parent = newFolder();
    const directory = join(parent, 'closed');
    mkdirSync(directory, { mode: 0o500 });
    // Not as root, for whom no directory is closed.
    const nobody = await FileStoreProcess.create('nobody', { directory: join(directory, 'tasks') });
    await nobody.ask('becomeNobody');
    await expect(nobody.ask('start')).rejects.toMatchObject({
      code: 'ASYNCZ_FILE_NO_PERMISSION',
      message: expect.stringContaining(directory) as string,
    });
  });
});
