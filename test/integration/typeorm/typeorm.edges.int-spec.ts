import type { DataSource } from 'typeorm';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { UnreadableTask } from '../../../lib/model/task.js';
import { TypeormStore } from '../../../lib/stores/typeorm/typeorm.store.js';
import type { ClaimRequest } from '../../../lib/scheduler/loop/claim.step.js';
import { startDue } from '../../../lib/testing/plan.fixtures.js';
import { createStoreContext } from '../../../lib/testing/store-context.js';
import { makeRun, makeTask } from '../../../lib/testing/task.fixtures.js';
import { comparing, dropTables, mysql, postgres, sqlite } from './support/databases.js';
import { claimDue } from '../../../lib/testing/store.steps.js';

const PREFIX = `edges_${process.pid}`;

describe.each([postgres(), mysql(), sqlite(), comparing()])('on $name', (database) => {
  let dataSource: DataSource;
  let store: TypeormStore;
  let reported: UnreadableTask[];

  beforeAll(async () => {
    dataSource = await database.open();
  });
  beforeEach(async () => {
    reported = [];
    store = new TypeormStore({ ...database.settings, dataSource, tableName: PREFIX });
    await store.start(createStoreContext({ onUnreadable: (task) => reported.push(task) }));
  });
  afterEach(async () => {
    await store.shutdown();
    await dropTables(dataSource, PREFIX);
  });
  afterAll(async () => {
    await dataSource.destroy();
    database.remove();
  });

  const claim = async (limit: number, more: Partial<ClaimRequest> = {}) => {
    const request = { limit, handlers: ['work'], ...more };
    return (await claimDue(store, request, startDue('me', 60_000))).claimed.map(({ id }) => id);
  };

  it('a claim gets past more damaged records than it takes', async () => {
    const now = await store.now();
    const damaged = Array.from({ length: 150 }, (_, at) => makeTask(`bad-${at}`, { nextRunTime: now - 1_000 }));
    await store.addTasks([...damaged, makeTask('good', { nextRunTime: now - 1 })]);
    await dataSource.query(`UPDATE ${PREFIX}_tasks SET definition = 'rubbish' WHERE id LIKE 'bad-%'`);
    expect(await claim(10)).toEqual(['good']);
    expect(new Set(reported.map(({ id }) => id)).size).toBe(150);
    // Known by now, they are not read again.
    reported.length = 0;
    expect(await claim(10)).toEqual([]);
    expect(reported).toEqual([]);
  });

  it('priorities keep their order, however many there are and whoever makes a new one', async () => {
    const now = await store.now();
    const other = new TypeormStore({ ...database.settings, dataSource, tableName: PREFIX });
    await other.start(createStoreContext({ identity: 'other' }));
    const task = (priority: number) => makeTask(`p${priority}`, { nextRunTime: now - 1, policies: { priority } });
    const priorities = Array.from({ length: 12 }, (_, at) => at * 7 - 30);
    await other.addTasks([...priorities].reverse().map(task));
    expect(await claim(3)).toEqual(['p-30', 'p-23', 'p-16']);
    await other.addTasks([task(-100), task(2)]);
    expect(await store.nextDueFor({ handlers: ['work'] })).toBe(now - 1);
    expect(await claim(1)).toEqual(['p-100']);
    expect(await claim(100)).toEqual(['p-9', 'p-2', 'p2', 'p5', 'p12', 'p19', 'p26', 'p33', 'p40', 'p47']);
    expect(await claim(100)).toEqual([]);
    await other.shutdown();
  });

  it('hundreds of priorities are claimed in their order too', async () => {
    const now = await store.now();
    const ids = Array.from({ length: 260 }, (_, at) => `p${String(at).padStart(3, '0')}`);
    await store.addTasks(ids.map((id, at) => makeTask(id, { nextRunTime: now - at, policies: { priority: at } })));
    expect(await claim(200)).toEqual(ids.slice(0, 200));
    expect(await store.nextDueFor({ handlers: ['work'] })).toBe(now - 259);
    expect(await claim(200)).toEqual(ids.slice(200));
  });

  it('more groups than one statement asks for are claimed in their order', async () => {
    const now = await store.now();
    // By age t129, t128, …; by priority first those with an even number.
    const ids = Array.from({ length: 130 }, (_, at) => `t${String(at).padStart(3, '0')}`);
    const task = (id: string, at: number) =>
      makeTask(id, { nextRunTime: now - at, policies: { group: `group ${at}`, priority: at % 2 } });
    await store.addTasks([...ids.map(task), makeTask('full', { nextRunTime: now - 900, policies: { group: 'full' } })]);
    const full = { except: { group: ['full'] } };
    expect(await store.nextDueFor({ handlers: ['work'], ...full })).toBe(now - 129);
    const oldest = [...ids].reverse();
    expect(await claim(70, { order: 'age', ...full })).toEqual(oldest.slice(0, 70));
    const rest = oldest.slice(70);
    const byPriority = [0, 1].flatMap((priority) => rest.filter((id) => Number(id.slice(1)) % 2 === priority));
    expect(await claim(55, full)).toEqual(byPriority.slice(0, 55));
    expect(await claim(55, { order: 'age' })).toEqual(['full', ...byPriority.slice(55).sort().reverse()]);
    expect(await store.nextDueFor({ handlers: ['work'], ...full })).toBeGreaterThan(now);
  });

  it('a claim by age gets past damaged records, of one group and of several', async () => {
    const now = await store.now();
    for (const groups of [['a'], ['b', 'c']]) {
      const task = (id: string, at: number) =>
        makeTask(id, { nextRunTime: now - at, policies: { group: groups[at % groups.length]! } });
      const damaged = Array.from({ length: 30 }, (_, at) => task(`bad-${groups.join('')}-${at}`, 1_000 + at));
      await store.addTasks([...damaged, task('good-1', 2), task('good-2', 1)]);
      await dataSource.query(`UPDATE ${PREFIX}_tasks SET definition = 'rubbish' WHERE id LIKE 'bad-%'`);
      expect(await claim(2, { order: 'age' })).toEqual(['good-1', 'good-2']);
      await store.deleteTask('good-1');
      await store.deleteTask('good-2');
    }
  });

  it('Infinity asks for all', async () => {
    const now = await store.now();
    await store.addTasks(['a', 'b'].map((id) => makeTask(id, { nextRunTime: now - 1 })));
    await store.saveRuns([makeRun('r1', { endedAt: 1 }), makeRun('r2', { endedAt: 2 })]);
    const page = await store.query({}, { by: 'id', descending: false }, { offset: 0, limit: Infinity });
    expect(page.tasks).toHaveLength(2);
    expect((await store.runs({}, { limit: Infinity })).runs).toHaveLength(2);
    await store.addTask(makeTask('c', { nextRunTime: now - 2, policies: { group: 'g' } }));
    expect(await claim(Infinity, { order: 'age', except: { group: ['x'] } })).toEqual(['c', 'a', 'b']);
    await store.addTask(makeTask('d', { nextRunTime: now - 1 }));
    expect(await claim(Infinity)).toEqual(['d']);
    expect(await store.pruneRuns({ before: 2, keep: null, failedBefore: null, limit: Infinity })).toBe(1);
  });

  it('ids that no database can have are not there', async () => {
    for (const id of ['a\0b', '\ud800']) {
      expect(await store.lookupTask(id)).toBeNull();
      expect(await store.deleteTask(id)).toBe(false);
      const { missing } = await store.transact({ ids: [id] }, () => null);
      expect([...missing]).toEqual([id]);
    }
  });
});

describe.each([postgres(), mysql()])('while somebody holds tasks on $name', (database) => {
  it('a claim by age, or without full groups, takes what comes behind them', async () => {
    const dataSource = await database.open();
    const store = new TypeormStore({ dataSource, tableName: PREFIX });
    const runner = dataSource.createQueryRunner();
    try {
      await store.start(createStoreContext());
      const now = await store.now();
      const task = (id: string, at: number, group: string | null) =>
        makeTask(id, { nextRunTime: now - at, policies: { group } });
      await store.addTasks([
        ...Array.from({ length: 9 }, (_, at) => task(`held-${at}`, 100 + at, at % 2 === 0 ? 'a' : null)),
        task('free-1', 3, 'a'),
        task('free-2', 2, null),
        task('free-3', 1, 'a'),
      ]);
      await runner.startTransaction();
      await runner.query(`SELECT id FROM ${PREFIX}_tasks WHERE id LIKE 'held-%' FOR UPDATE`);
      const request = { limit: 2, handlers: ['work'] };
      const claim = async (more: Partial<ClaimRequest>) =>
        (await claimDue(store, { ...request, ...more }, startDue('me', 60_000))).claimed.map(({ id }) => id);
      expect(await claim({ order: 'age' })).toEqual(['free-1', 'free-2']);
      expect(await claim({ except: { group: ['full'] } })).toEqual(['free-3']);
      await runner.commitTransaction();
      expect(await claim({ order: 'age' })).toEqual(['held-8', 'held-7']);
    } finally {
      await runner.release();
      await store.shutdown();
      await dropTables(dataSource, PREFIX);
      await dataSource.destroy();
    }
  });
});
