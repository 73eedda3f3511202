import { existsSync } from 'node:fs';
import { mkdir, readFile, readdir, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { FileStoreError, FileStoreFormatError } from '../../../../lib/errors/file-store.errors.js';
import { StoreInUseError } from '../../../../lib/errors/store.errors.js';
import { FileStore } from '../../../../lib/stores/file/file.store.js';
import { createStoreContext } from '../../../../lib/testing/store-context.js';
import { makeRun, makeTask } from '../../../../lib/testing/task.fixtures.js';
import { contextOf, filed, newFolder, openStore, RecordingLogger, taskFiles } from './file-store.fixture.js';

const modeOf = async (path: string) => (await stat(path)).mode & 0o777;

describe('the directory of a file store', () => {
  it('is made with its parents, closed to others, and so are the files', async () => {
    const directory = join(newFolder(), 'a', 'b');
    const store = await openStore({ directory });
    await store.addTask(makeTask('one'));
    await store.saveRuns([makeRun('r')]);
    await filed(store, directory, ['one.task']);
    expect(await modeOf(join(directory, '..'))).toBe(0o700);
    expect(await modeOf(directory)).toBe(0o700);
    for (const entry of await readdir(directory, { recursive: true, withFileTypes: true })) {
      const expected = entry.isDirectory() ? 0o700 : 0o600;
      expect(await modeOf(join(entry.parentPath, entry.name)), entry.name).toBe(expected);
    }
  });

  it('has the mode that is asked for, less what the umask takes away', async () => {
    const umask = process.umask(0o002);
    try {
      const directory = join(newFolder(), 'shared');
      const store = await openStore({ directory, mode: 0o777 });
      await store.addTask(makeTask('one'));
      await filed(store, directory, ['one.task']);
      expect(await modeOf(directory)).toBe(0o775);
      expect(await modeOf(join(directory, 'one.task'))).toBe(0o664);
    } finally {
      process.umask(umask);
    }
  });

  it('holds one file for each task, with the given suffix, and nothing else that is not in one hidden folder', async () => {
    const directory = newFolder();
    const store = await openStore({ directory, suffix: '.job' });
    await store.addTasks([makeTask('a'), makeTask('B/ü')]);
    await filed(store, directory, ['a.job', '+b%2f%c3%bc.job']);
    expect((await readdir(directory)).sort()).toEqual(['+b%2f%c3%bc.job', '.asyncz', 'a.job']);
    expect(JSON.parse(await readFile(join(directory, 'a.job'), 'utf8'))).toMatchObject({ id: 'a', version: 1 });
    await store.deleteTask('a');
    await filed(store, directory, [], ['a.job']);
    expect((await readdir(directory)).sort()).toEqual(['+b%2f%c3%bc.job', '.asyncz']);
  });

  it('belongs to the scheduler that used it first', async () => {
    const directory = newFolder();
    const first = new FileStore({ directory });
    await first.start(contextOf('billing'));
    const second = new FileStore({ directory });
    await expect(second.start(contextOf('reports'))).rejects.toThrow(StoreInUseError);
    await expect(second.start(contextOf('reports'))).rejects.toThrow(/"billing".*format\.json/);
    await first.shutdown();
    await expect(second.start(contextOf('reports'))).rejects.toThrow(/"billing"/);
    await second.start(contextOf('billing'));
    await second.shutdown();
  });

  it('is refused with another suffix than its own', async () => {
    const directory = newFolder();
    await (await openStore({ directory })).shutdown();
    const other = new FileStore({ directory, suffix: '.job' });
    await expect(other.start(createStoreContext())).rejects.toThrow(FileStoreFormatError);
    await expect(other.start(createStoreContext())).rejects.toThrow(/suffix: "\.task"/);
  });

  it('is refused when a newer version of the library wrote it, or when what says so is damaged', async () => {
    const directory = newFolder();
    await (await openStore({ directory })).shutdown();
    const marker = join(directory, '.asyncz', 'format.json');
    const whole = await readFile(marker, 'utf8');
    const start = () => new FileStore({ directory }).start(createStoreContext());
    await writeFile(marker, whole.replace('"format": 1', '"format": 2'));
    await expect(start()).rejects.toThrow(/it has format 2, and this version of nestjs-asyncz knows 1/);
    for (const damage of ['', '{', 'null', '[]', '{"format":1}', whole.replace(/"lock": "../, '"lock": "zz')]) {
      await writeFile(marker, damage);
      await expect(start(), damage).rejects.toThrow(FileStoreFormatError);
      expect(await readFile(marker, 'utf8')).toBe(damage);
    }
    await writeFile(marker, whole);
    await (await openStore({ directory })).shutdown();
  });

  it('is the same for two stores that start at the same moment in a new one', async () => {
    const directory = join(newFolder(), 'new');
    const stores = await Promise.all(Array.from({ length: 6 }, () => openStore({ directory })));
    await Promise.all(stores.map((store, at) => store.addTask(makeTask(`t${at}`))));
    for (const store of stores) expect((await store.getAllTasks()).length).toBe(6);
    expect((await readdir(join(directory, '.asyncz'))).filter((name) => name.endsWith('.tmp'))).toEqual([]);
  });

  it('is a path that says what is wrong with it', async () => {
    const file = join(newFolder(), 'file');
    await writeFile(file, 'x');
    for (const directory of [file, join(file, 'below')]) {
      const error: unknown = await new FileStore({ directory }).start(createStoreContext()).catch((reason) => reason);
      expect(error).toBeInstanceOf(FileStoreError);
      expect(error).toMatchObject({ code: 'ASYNCZ_FILE_NO_DIRECTORY', path: directory });
      expect((error as FileStoreError).cause).toHaveProperty('code');
      expect(await readFile(file, 'utf8')).toBe('x');
    }
  });

  it('can be started again after a start that failed', async () => {
    const directory = join(newFolder(), 'taken');
    await writeFile(directory, 'x');
    const store = new FileStore({ directory });
    await expect(store.start(createStoreContext())).rejects.toThrow(FileStoreError);
    await rm(directory);
    await store.start(createStoreContext());
    await store.addTask(makeTask('a'));
    await store.shutdown();
  });

  it('is rid of what a killed process was writing', async () => {
    const directory = newFolder();
    await (await openStore({ directory })).shutdown();
    const temporary = join(directory, '.asyncz', 'tmp');
    await writeFile(join(temporary, 'abcdef'), 'half a ta');
    const store = await openStore({ directory });
    expect(await readdir(temporary)).toEqual([]);
    expect(await store.getAllTasks()).toEqual([]);
  });

  it('keeps foreign files, folders and links, and what they are called is no task', async () => {
    const directory = newFolder();
    await writeFile(join(directory, 'notes.txt'), 'mine');
    await mkdir(join(directory, 'folder.task'));
    await symlink('/nowhere', join(directory, 'link.task'));
    await writeFile(join(directory, 'README.task'), 'not a task');
    const store = await openStore({ directory });
    await store.addTask(makeTask('a'));
    const listed = await store.getAllTasks();
    expect(listed.map(({ id }) => id)).toEqual(['a', 'README', 'folder', 'link']);
    const reasons = listed.slice(1).map((task) => 'unreadable' in task && task.unreadable);
    expect(reasons).toEqual(['not-json', 'damaged', 'damaged']);
    expect(await store.deleteTask('README')).toBe(true);
    expect(await store.lookupTask('README')).toBeNull();
    expect(await readFile(join(directory, 'notes.txt'), 'utf8')).toBe('mine');
  });

  it('shows what was put into it by hand, and not what was taken out', async () => {
    const directory = newFolder();
    const store = await openStore({ directory });
    // Long ago: what was due a moment ago is about to change, and stays in the journal.
    const now = (await store.now()) - 60_000;
    await store.addTasks([makeTask('a', { nextRunTime: now - 2 }), makeTask('b', { nextRunTime: now - 1 })]);
    await filed(store, directory, ['a.task', 'b.task']);
    const { 'a.task': saved } = await taskFiles(directory);
    await rm(join(directory, 'a.task'));
    expect(await store.getNextRunTime()).toBe(now - 1);
    expect((await store.getDueTasks(now)).map(({ id }) => id)).toEqual(['b']);
    expect(await store.lookupTask('a')).toBeNull();
    await writeFile(join(directory, 'a.task'), saved!, 'latin1');
    expect((await store.query({}, { by: 'id', descending: false }, { offset: 0, limit: 9 })).total).toBe(2);
    expect(await store.getNextRunTime()).toBe(now - 2);
  });
});

describe('cleanupDirectory', () => {
  it('removes what the store wrote, and a directory that it made', async () => {
    const directory = join(newFolder(), 'made');
    const store = new FileStore({ directory, cleanupDirectory: true });
    await store.start(createStoreContext());
    await store.addTasks([makeTask('a'), makeTask('b')]);
    await store.saveRuns([makeRun('r')]);
    await store.wake(1);
    await store.shutdown();
    expect(existsSync(directory)).toBe(false);
  });

  it('leaves a directory that was there, foreign files, and records that cannot be read', async () => {
    const directory = newFolder();
    await writeFile(join(directory, 'notes.txt'), 'mine');
    const store = new FileStore({ directory, cleanupDirectory: true });
    await store.start(createStoreContext());
    await store.addTasks([makeTask('a'), makeTask('b')]);
    await filed(store, directory, ['a.task', 'b.task']);
    await writeFile(join(directory, 'b.task'), 'damaged');
    await writeFile(join(directory, '.asyncz', 'foreign'), 'x');
    await store.shutdown();
    expect((await readdir(directory)).sort()).toEqual(['.asyncz', 'b.task', 'notes.txt']);
    expect((await readdir(join(directory, '.asyncz'))).sort()).toEqual(['foreign', 'format.json']);
  });

  it('leaves everything to another process that still uses it', async () => {
    const directory = newFolder();
    const other = await openStore({ directory });
    const logger = new RecordingLogger();
    const store = new FileStore({ directory, cleanupDirectory: true });
    await store.start(createStoreContext({ logger }));
    await store.addTask(makeTask('a'));
    await store.shutdown();
    expect(logger.lines.join('\n')).toContain('another process still uses it');
    expect((await other.getAllTasks()).map(({ id }) => id)).toEqual(['a']);
  });

  it('is off by default: everything stays', async () => {
    const directory = newFolder();
    const store = await openStore({ directory });
    await store.addTask(makeTask('a'));
    await store.shutdown();
    expect((await readdir(directory)).sort()).toEqual(['.asyncz', 'a.task']);
  });
});
