import { describe, expect, it } from 'vitest';
import {
  InvalidOptionError,
  MemoryStore,
  TaskListError,
  TasksPartlyAddedError,
  UnknownNameError,
  UnserializableError,
} from 'nestjs-asyncz';
import type { TaskRecord } from 'nestjs-asyncz/store';
import { recordEvents } from '../../../support/events.js';
import { Disk } from '../../../support/eight-method.store.js';
import { HookedStore } from '../../../support/hooked.store.js';
import { MemoryCluster } from '../../../support/memory.cluster.js';
import { createRunning, createScheduler, START } from '../../../support/scheduler.factory.js';
import { HOURLY } from '../../../support/task.factory.js';

const range = (count: number) => Array.from({ length: count }, (_, at) => at);

/** Hourly tasks with these ids. */
const listOf = (ids: readonly string[], options: object = {}) =>
  ids.map((id) => ({ id, handler: 'work', trigger: HOURLY, ...options }));

describe('adding many tasks', () => {
  it('adds all of them, tells of each, and runs what is due', async () => {
    const seen = new Set<unknown>();
    const { scheduler, clock } = await createRunning({ work: ([at]) => void seen.add(at) });
    const events = recordEvents(scheduler);
    const { added, replaced, existing } = await scheduler.addTasks([
      { id: 'a', handler: 'work', args: [1] },
      { id: 'b', handler: 'work', args: [2], trigger: { type: 'date', runAt: new Date(START + 1_000) } },
      { id: 'c', handler: 'work', args: [3] },
    ]);
    expect([added, replaced, existing]).toEqual([['a', 'b', 'c'], [], []]);
    expect(events.slice(0, 3).map((event) => [event.name, 'taskId' in event && event.taskId])).toEqual([
      ['task.added', 'a'],
      ['task.added', 'b'],
      ['task.added', 'c'],
    ]);
    await expect.poll(() => seen).toEqual(new Set([1, 3]));
    clock.advance(1_000);
    await expect.poll(() => seen).toEqual(new Set([1, 2, 3]));
  });

  it('gives ids to those that have none, and names them in the order of the list', async () => {
    const { scheduler } = await createRunning({ work: () => 1 });
    const { added } = await scheduler.addTasks(
      range(5).map((at) => ({ handler: 'work', args: [at], trigger: HOURLY })),
    );
    const found = await Promise.all(added.map((id) => scheduler.getTaskInfo(id)));
    expect(found.map((task) => task && 'args' in task && task.args[0])).toEqual(range(5));
  });

  it('adds nothing when one is refused, and says which and why', async () => {
    const { scheduler } = await createRunning({ work: () => 1 });
    const events = recordEvents(scheduler);
    const adding = scheduler.addTasks([...listOf(['a', 'b']), { id: 'c', handler: 'wrok' }]);
    await expect(adding).rejects.toThrow(/tasks\[2\] is refused.*none of the 3.*"wrok"/s);
    const error = (await adding.catch((one: unknown) => one)) as TaskListError;
    expect(error).toBeInstanceOf(TaskListError);
    expect(error).toMatchObject({ index: 2, count: 3, code: 'ASYNCZ_TASK_LIST' });
    expect(error.cause).toBeInstanceOf(UnknownNameError);
    expect((await scheduler.getTaskInfos()).total).toBe(0);
    expect(events).toEqual([]);
  });

  it.each([
    ['an id that is given twice', listOf(['a', 'b', 'a']), /tasks\[2\].*id: "a".*only one/s],
    ['a transaction of one task', listOf(['a'], { transaction: {} }), /tasks\[0\].*transaction.*all of them/s],
    ['what is no task', [...listOf(['a']), null], /tasks\[1\].*null.*an object/s],
  ])('refuses %s', async (_what, list, message) => {
    const { scheduler } = await createRunning({ work: () => 1 });
    await expect(scheduler.addTasks(list as never)).rejects.toThrow(message);
    expect((await scheduler.getTaskInfos()).total).toBe(0);
  });

  it('refuses what is no list, an unknown option, and a transaction where there is none', async () => {
    const { scheduler } = await createRunning({ work: () => 1 });
    await expect(scheduler.addTasks('x' as never)).rejects.toBeInstanceOf(InvalidOptionError);
    await expect(scheduler.addTasks([], { replace: true } as never)).rejects.toThrow(/"replace".*addTasks/s);
    await expect(scheduler.addTasks(listOf(['a']), { transaction: {} })).rejects.toThrow(/transactionalAdds/);
    expect(await scheduler.addTasks([])).toEqual({ added: [], replaced: [], existing: [] });
  });

  it('leaves what is there, replaces it when asked to, and says so', async () => {
    const { scheduler } = await createRunning({ work: () => 1, other: () => 2 });
    await scheduler.addTasks(listOf(['a', 'b']));
    const events = recordEvents(scheduler);
    expect(
      await scheduler.addTasks([
        { id: 'a', handler: 'other', trigger: HOURLY },
        { id: 'b', handler: 'other', trigger: HOURLY, replaceExisting: true },
        { id: 'c', handler: 'other', trigger: HOURLY, replaceExisting: true },
      ]),
    ).toEqual({ added: ['c'], replaced: ['b'], existing: ['a'] });
    expect((await scheduler.getTaskInfos({ sortBy: 'id' })).tasks).toMatchObject([
      { id: 'a', handler: 'work' },
      { id: 'b', handler: 'other' },
      { id: 'c', handler: 'other' },
    ]);
    expect(events.map((event) => 'taskId' in event && event.taskId)).toEqual(['b', 'c']);
  });

  it('keeps the runs under way of those that it replaces', async () => {
    let release = () => {};
    const { scheduler } = await createRunning({ slow: () => new Promise<void>((resolve) => (release = resolve)) });
    await scheduler.addTasks([{ id: 'one', handler: 'slow' }]);
    await expect.poll(async () => (await scheduler.getTaskInfo('one'))?.state).toBe('running');
    await scheduler.addTasks([{ id: 'one', handler: 'slow', trigger: HOURLY, replaceExisting: true }]);
    release();
    await expect.poll(async () => (await scheduler.getTaskInfo('one'))?.state).toBe('scheduled');
  });

  it('keeps those that are added before the start in memory, and commits them at the start', async () => {
    const { scheduler, store } = createScheduler({ work: () => 1 });
    expect((await scheduler.addTasks(listOf(['a', 'b']))).added).toEqual(['a', 'b']);
    expect((await scheduler.addTasks(listOf(['b', 'c']))).existing).toEqual(['b']);
    await expect(scheduler.addTasks(listOf(['d'], { args: [() => 1] }))).rejects.toBeInstanceOf(UnserializableError);
    expect((await scheduler.getTaskInfos({ sortBy: 'id' })).tasks).toMatchObject(
      ['a', 'b', 'c'].map((id) => ({ id, state: 'pending' })),
    );
    expect(store.lookupTask('a')).toBeNull();
    const events = recordEvents(scheduler);
    await scheduler.start();
    expect(events.flatMap((event) => ('taskId' in event ? [event.taskId] : []))).toEqual(['a', 'b', 'c']);
    expect(store.lookupTask('c')).not.toBeNull();
  });

  it('replaces at the start what it was told to replace before it', async () => {
    const { scheduler, store } = createScheduler({ work: () => 1 });
    await scheduler.start();
    await scheduler.addTasks(listOf(['a', 'b']));
    await scheduler.shutdown();
    await scheduler.addTasks(listOf(['a'], { name: 'new', replaceExisting: true }));
    await scheduler.addTasks(listOf(['b'], { name: 'new' }));
    const events = recordEvents(scheduler);
    await scheduler.start();
    expect(events.flatMap((event) => ('taskId' in event ? [[event.name, event.taskId]] : []))).toEqual([
      ['task.added', 'a'],
      ['task.conflict', 'b'],
    ]);
    expect([store.lookupTask('a'), store.lookupTask('b')].map((task) => task?.definition.name)).toEqual([
      'new',
      'work',
    ]);
  });

  it('adds to several stores in one call', async () => {
    const { scheduler } = await createRunning({ work: () => 1 });
    await scheduler.addStore('other', new MemoryStore());
    const { added } = await scheduler.addTasks([
      ...listOf(['a']),
      ...listOf(['a', 'b'], { store: 'other' }),
      ...listOf(['c']),
    ]);
    expect(added).toEqual(['a', 'c', 'a', 'b']);
    expect((await scheduler.getTaskInfos({ store: 'other' })).total).toBe(2);
  });

  it('names those that are in the store when it fails in the middle, and adds the rest when it is asked again', async () => {
    class FailingOnce extends MemoryStore {
      calls = 0;
      override async addTasks(tasks: readonly TaskRecord[]): Promise<readonly string[]> {
        this.calls += 1;
        if (this.calls === 2) throw new Error('the disk is full');
        return super.addTasks(tasks);
      }
    }
    const store = new FailingOnce();
    const { scheduler } = await createRunning({ work: () => 1 }, { store });
    store.calls = 0;
    const list = listOf(range(3_000).map((at) => `t${at}`));
    const error = (await scheduler.addTasks(list).catch((one: unknown) => one)) as TasksPartlyAddedError;
    expect(error).toBeInstanceOf(TasksPartlyAddedError);
    expect(error.message).toMatch(/of 3000 tasks.*the disk is full/s);
    expect(error.existing).toEqual([]);
    const stored = (await scheduler.getTaskInfos()).total;
    expect(error.added.length).toBe(stored);
    expect(stored).toBeGreaterThan(0);
    expect(stored).toBeLessThan(3_000);
    const again = await scheduler.addTasks(list);
    expect([again.added.length, again.existing.length]).toEqual([3_000 - stored, stored]);
  });

  it('throws what the store throws when nothing was added', async () => {
    const { scheduler } = await createRunning({ work: () => 1 });
    await expect(scheduler.addTasks(listOf(['a', 'b'], { args: [() => 1] }))).rejects.toThrow(/args\[0\]/);
    expect((await scheduler.getTaskInfos()).total).toBe(0);
  });

  it('lets others have their turn in between', async () => {
    const { scheduler } = await createRunning({ work: () => 1 });
    let turns = 0;
    const count = () => {
      turns += 1;
      ticking = setImmediate(count);
    };
    let ticking = setImmediate(count);
    await scheduler.addTasks(range(20_000).map((at) => ({ handler: 'work', args: [at], trigger: HOURLY })));
    clearImmediate(ticking);
    expect(turns).toBeGreaterThan(20);
    expect((await scheduler.getTaskInfos()).total).toBe(20_000);
  });

  it('wakes the others, which run what is due', async () => {
    const cluster = new MemoryCluster();
    const ran: unknown[] = [];
    await cluster.join('worker', { work: ([at]) => void ran.push(at) });
    const client = await cluster.join('client', {}, { role: 'client' });
    await client.addTasks(range(30).map((at) => ({ handler: 'work', args: [at] })));
    await expect.poll(() => ran.length).toBe(30);
  });

  it('is all in the transaction of the caller', async () => {
    const given: unknown[] = [];
    class Transactional extends HookedStore {
      override readonly capabilities = { ...new HookedStore(new Disk()).capabilities, transactionalAdds: true };
      override addTasks(tasks: readonly TaskRecord[], options?: { transaction?: unknown }): Promise<readonly string[]> {
        given.push(...tasks.map(({ id }) => [id, options?.transaction]));
        return super.addTasks(tasks);
      }
    }
    const cluster = new MemoryCluster();
    const scheduler = await cluster.join('one', { work: () => 1 }, { store: new Transactional(cluster.disk) });
    given.length = 0;
    await scheduler.addTasks(listOf(['a', 'b']), { transaction: 'own' });
    expect(given).toEqual([
      ['a', 'own'],
      ['b', 'own'],
    ]);
    await expect(scheduler.addTasks(listOf(['c'], { replaceExisting: true }), { transaction: 'own' })).rejects.toThrow(
      /transactionalChanges/,
    );
  });
});
