import type { DataSource } from 'typeorm';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { UnreadableTask } from '../../../lib/model/task.js';
import { TypeormStore } from '../../../lib/stores/typeorm/typeorm.store.js';
import { startDue } from '../../../lib/testing/plan.fixtures.js';
import { createStoreContext } from '../../../lib/testing/store-context.js';
import { makeRun, makeTask } from '../../../lib/testing/task.fixtures.js';
import { comparing, dropTables, mysql, postgres, sqlite } from './support/databases.js';

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

  const claim = async (limit: number) => {
    const request = { limit, handlers: ['work'], owner: 'me', leaseMs: 60_000 };
    return (await store.claimDue(request, startDue('me', 60_000))).claimed.map(({ id }) => id);
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
    expect(await store.nextDueFor(['work'])).toBe(now - 1);
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
    expect(await store.nextDueFor(['work'])).toBe(now - 259);
    expect(await claim(200)).toEqual(ids.slice(200));
  });

  it('Infinity asks for all', async () => {
    const now = await store.now();
    await store.addTasks(['a', 'b'].map((id) => makeTask(id, { nextRunTime: now - 1 })));
    await store.saveRuns([makeRun('r1', { endedAt: 1 }), makeRun('r2', { endedAt: 2 })]);
    const page = await store.query({}, { by: 'id', descending: false }, { offset: 0, limit: Infinity });
    expect(page.tasks).toHaveLength(2);
    expect((await store.runs({}, { limit: Infinity })).runs).toHaveLength(2);
    expect(await claim(Infinity)).toEqual(['a', 'b']);
    expect(await store.pruneRuns({ before: 2, keep: null, limit: Infinity })).toBe(1);
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
