import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { EncryptionDisabledError, MemoryStore, Scheduler, SettableClock, TaskUnreadableError } from 'nestjs-asyncz';
import type { EncryptionOptions, MaintenanceProgress } from 'nestjs-asyncz';
import { FileStore } from '../../../../lib/stores/file/file.store.js';
import { nextEvent } from '../../../support/events.js';
import { createScheduler } from '../../../support/scheduler.factory.js';
import { HOURLY } from '../../../support/task.factory.js';
import { temporaryFolder } from '../../../support/temporary.folder.js';

const SILENT = { debug() {}, info() {}, warn() {}, error() {} };
const OLD = 'the first secret of sixteen bytes';
const NEW = 'the second secret, longer still';

/** A scheduler on a directory, as one process after another has it. */
async function open(directory: string, encryption?: EncryptionOptions): Promise<Scheduler> {
  const scheduler = new Scheduler({
    stores: { default: new FileStore({ directory }) },
    ...(encryption && { encryption }),
  });
  scheduler.registerHandler('work', (args) => `secret result of ${String(args[0])}`);
  onTestFinished(() => scheduler.shutdown(0));
  await scheduler.start();
  return scheduler;
}

/** All that is written anywhere below a directory. */
async function bytesIn(directory: string): Promise<string> {
  const names = (await readdir(directory, { recursive: true, withFileTypes: true })).filter((entry) => entry.isFile());
  return (await Promise.all(names.map((entry) => readFile(join(entry.parentPath, entry.name), 'latin1')))).join('\n');
}

describe('encryption at rest', () => {
  it('does not run a task that somebody put there in clear, where it is required; and says that there is one before', async () => {
    const directory = await temporaryFolder();
    const ran: unknown[] = [];
    const plain = await open(directory);
    await plain.addTask({ id: 'forged', handler: 'work', args: ['anything'], trigger: HOURLY });
    await plain.shutdown();

    const warnings: string[] = [];
    const logger = { ...SILENT, warn: (text: string) => void warnings.push(text) };
    const start = async (encryption: EncryptionOptions) => {
      const store = new FileStore({ directory });
      const scheduler = new Scheduler({ stores: { default: store }, encryption, logger });
      scheduler.registerHandler('work', (args) => ran.push(args));
      onTestFinished(() => scheduler.shutdown(0));
      await scheduler.start();
      return scheduler;
    };
    const encrypting = await start({ keys: [OLD] });
    await encrypting.getTaskInfos();
    await encrypting.getTask('forged');
    expect(warnings.filter((text) => text.includes('in clear'))).toHaveLength(1);
    await encrypting.shutdown();

    const strict = await start({ keys: [OLD], required: true });
    expect(await strict.getTaskInfo('forged')).toMatchObject({ state: 'unreadable', unreadable: 'in-clear' });
    await expect(strict.runTask('forged')).rejects.toBeInstanceOf(TaskUnreadableError);
    await strict.addTask({ id: 'own', handler: 'work', args: ['own'] });
    await nextEvent(strict, 'run.succeeded');
    expect(ran).toEqual([['own']]);
    await strict.shutdown();

    const rotating = await start({ keys: [OLD] });
    expect(await rotating.rotateEncryption('default')).toMatchObject({ tasks: 1, unreadable: 0 });
    await rotating.shutdown();
    const again = await start({ keys: [OLD], required: true });
    expect(await again.getTaskInfo('forged')).toMatchObject({ state: 'scheduled' });
  });

  it('hides arguments and results, and is refused to be switched off by accident', async () => {
    const directory = await temporaryFolder();
    const first = await open(directory, { keys: [OLD] });
    await first.addTask({ id: 'kept', handler: 'work', args: ['hush'], trigger: HOURLY });
    const ran = nextEvent(first, 'run.succeeded');
    await first.runTask('kept');
    await ran;
    await first.shutdown();
    const written = await bytesIn(directory);
    expect(written).toContain('kept');
    expect(written).not.toContain('hush');
    expect(written).not.toContain('secret result');

    await expect(open(directory)).rejects.toBeInstanceOf(EncryptionDisabledError);
    expect(await bytesIn(directory)).toContain('kept');
    const plain = await open(directory, { allowPlaintext: true });
    const { tasks } = await plain.getTaskInfos({ state: 'unreadable' });
    expect(tasks).toMatchObject([{ id: 'kept', unreadable: 'wrong-key' }]);
    await expect(plain.pauseTask('kept')).rejects.toBeInstanceOf(TaskUnreadableError);
    await plain.shutdown();

    const again = await open(directory, { keys: [NEW, OLD] });
    expect(await again.getTaskInfo('kept')).toMatchObject({ args: ['hush'] });
    expect((await again.getRuns()).runs).toMatchObject([{ result: 'secret result of hush' }]);
  });

  it('reads plain records when it is switched on, and keeps what it cannot read out of the way', async () => {
    const directory = await temporaryFolder();
    const plain = await open(directory);
    await plain.addTask({ id: 'plain', handler: 'work', args: ['open'], trigger: HOURLY });
    await plain.shutdown();
    const first = await open(directory, { keys: [OLD] });
    await first.addTask({ id: 'old', handler: 'work', args: ['hush'], trigger: HOURLY });
    expect(await first.getTaskInfo('plain')).toMatchObject({ args: ['open'] });
    await first.shutdown();

    const other = await open(directory, { keys: [NEW] });
    await other.addTask({ id: 'new', handler: 'work', args: ['mine'] });
    await expect.poll(async () => (await other.getRuns({ taskId: 'new' })).runs.length).toBe(1);
    expect(await other.getTaskInfo('old')).toMatchObject({ state: 'unreadable', unreadable: 'wrong-key' });
    expect(await other.deleteTask('old')).toMatchObject({ id: 'old', state: 'unreadable' });
    expect(await other.getTaskInfo('old')).toBeNull();
  });

  it('writes every record anew under the first key, on a store that works meanwhile', async () => {
    const directory = await temporaryFolder();
    const before = await open(directory, { keys: [OLD] });
    for (const id of ['a', 'b', 'c']) await before.addTask({ id, handler: 'work', args: [id], trigger: HOURLY });
    const ran = nextEvent(before, 'run.succeeded');
    await before.runTask('b');
    await ran;
    await before.shutdown();

    const during = await open(directory, { keys: [NEW, OLD] });
    const progress: MaintenanceProgress[] = [];
    const end = await during.rotateEncryption('default', { onProgress: (one) => progress.push(one) });
    expect(end).toEqual({ tasks: 3, runs: 1, unreadable: 0, lastTaskId: 'c' });
    expect(progress.at(-1)).toEqual(end);
    expect(await during.rotateEncryption('default', { after: 'b' })).toMatchObject({ tasks: 1 });
    await expect(during.rotateEncryption('default', { after: 'z' })).rejects.toThrow(/after: "z"/);
    await during.shutdown();

    const after = await open(directory, { keys: [NEW] });
    const { tasks } = await after.getTaskInfos({ sortBy: 'id' });
    expect(tasks).toMatchObject([{ args: ['a'] }, { args: ['b'] }, { args: ['c'] }]);
    expect((await after.getRuns()).runs).toMatchObject([{ result: 'secret result of b' }]);
  });

  it('heals a record when the function that gives the keys has the missing one', async () => {
    const directory = await temporaryFolder();
    const first = await open(directory, { keys: [OLD] });
    await first.addTask({ id: 'old', handler: 'work', args: ['hush'], trigger: HOURLY });
    await first.shutdown();
    const keys = [NEW];
    const clock = new SettableClock(Date.now());
    const scheduler = new Scheduler({
      clock,
      stores: { default: new FileStore({ directory }) },
      encryption: { keys: () => keys },
    });
    onTestFinished(() => scheduler.shutdown(0));
    const unreadable = nextEvent(scheduler, 'task.unreadable');
    await scheduler.start();
    expect(await scheduler.getTaskInfo('old')).toMatchObject({ state: 'unreadable' });
    expect(await unreadable).toMatchObject({ taskId: 'old', reason: 'wrong-key' });
    keys.push(OLD);
    clock.advance(15_000);
    await expect.poll(() => scheduler.getTaskInfo('old')).toMatchObject({ state: 'scheduled', args: ['hush'] });
  });
});

describe('copying tasks between stores', () => {
  async function twoStores() {
    const { scheduler, store } = createScheduler({ work: () => 'done' });
    const other = new MemoryStore();
    await scheduler.addStore('other', other);
    await scheduler.start();
    const ran = nextEvent(scheduler, 'run.succeeded');
    await scheduler.addTask({ id: 'a', handler: 'work', args: [1], trigger: HOURLY, tags: ['x'] });
    await scheduler.addTask({ id: 'b', handler: 'work', trigger: HOURLY });
    await scheduler.pauseTask('b', { actor: 'ann', reason: 'audit' });
    await scheduler.runTask('a');
    await ran;
    return { scheduler, store, other };
  }

  it('copies definitions, schedule states and history, and leaves what is there alone', async () => {
    const { scheduler, store, other } = await twoStores();
    expect(await scheduler.copyTasks('default', 'other')).toEqual({
      tasks: 2,
      runs: 1,
      unreadable: 0,
      lastTaskId: 'b',
      skipped: [],
    });
    for (const id of ['a', 'b']) {
      const { version: _old, ...original } = store.lookupTask(id)!;
      expect(other.lookupTask(id)).toMatchObject(original);
    }
    expect((await scheduler.getRuns({ store: 'other' })).runs).toMatchObject([{ taskId: 'a', result: 'done' }]);
    expect(await scheduler.copyTasks('default', 'other')).toMatchObject({ skipped: ['a', 'b'] });
    expect((await scheduler.getRuns({ store: 'other' })).runs).toHaveLength(1);
  });

  it('moves them, each when it is safe in the other store', async () => {
    const { scheduler, store, other } = await twoStores();
    await scheduler.copyTasks('default', 'other', { move: true });
    expect([store.lookupTask('a'), store.lookupTask('b')]).toEqual([null, null]);
    expect(other.lookupTask('b')).toMatchObject({ state: { pause: { actor: 'ann', reason: 'audit' } } });
  });

  it('refuses stores that there are not, and one that is the other', async () => {
    const { scheduler } = await twoStores();
    await expect(scheduler.copyTasks('default', 'nowhere')).rejects.toThrow(/"nowhere".*"default" or "other"/);
    await expect(scheduler.copyTasks('default', 'default')).rejects.toThrow(/another store/);
    await expect(scheduler.copyTasks('default', 'other', { mvoe: true } as never)).rejects.toThrow(/"mvoe"/);
  });
});
