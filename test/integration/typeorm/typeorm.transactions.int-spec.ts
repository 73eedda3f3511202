import { EventEmitter, once } from 'node:events';
import type { DataSource, EntityManager } from 'typeorm';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { InvalidOptionError } from '../../../lib/errors/input.errors.js';
import { RunNotFoundError } from '../../../lib/errors/run.errors.js';
import { TaskConflictError, TaskNotFoundError } from '../../../lib/errors/task.errors.js';
import { Scheduler } from '../../../lib/scheduler/scheduler.js';
import { TypeormStore } from '../../../lib/stores/typeorm/typeorm.store.js';
import { createStoreContext } from '../../../lib/testing/store-context.js';
import { startDue } from '../../../lib/testing/plan.fixtures.js';
import { makeTask } from '../../../lib/testing/task.fixtures.js';
import { comparing, dropTables, mysql, postgres, sqlite } from './support/databases.js';
import type { TestDatabase } from './support/databases.js';
import { claimDue } from '../../../lib/testing/store.steps.js';

const PREFIX = `tx_${process.pid}`;
const ORDERS = `${PREFIX}_orders`;

describe.each([postgres(), mysql(), sqlite(), comparing()])("the caller's transaction on $name", (database) => {
  let dataSource: DataSource;
  let store: TypeormStore;

  beforeAll(async () => {
    dataSource = await database.open();
    await dataSource.query(`CREATE TABLE ${ORDERS} (id integer)`);
  });
  beforeEach(async () => {
    store = new TypeormStore({ ...database.settings, dataSource, tableName: PREFIX });
    await store.start(createStoreContext());
  });
  afterEach(async () => {
    await store.shutdown();
    await dropTables(dataSource, PREFIX);
    await dataSource.query(`DELETE FROM ${ORDERS}`);
  });
  afterAll(async () => {
    await dataSource.query(`DROP TABLE ${ORDERS}`);
    await dataSource.destroy();
    database.remove();
  });
  const orders = async () => ((await dataSource.query(`SELECT id FROM ${ORDERS}`)) as object[]).length;

  it('commits a task together with its own rows', async () => {
    await dataSource.transaction(async (manager) => {
      await manager.query(`INSERT INTO ${ORDERS} (id) VALUES (1)`);
      await store.addTask(makeTask('a'), { transaction: manager });
    });
    expect(await orders()).toBe(1);
    expect(await store.lookupTask('a')).toEqual(makeTask('a'));
  });

  it('rolls a task back together with its own rows', async () => {
    const failed = dataSource.transaction(async (manager) => {
      await manager.query(`INSERT INTO ${ORDERS} (id) VALUES (1)`);
      await store.addTask(makeTask('a'), { transaction: manager });
      throw new Error('the order is not paid');
    });
    await expect(failed).rejects.toThrow('the order is not paid');
    expect(await orders()).toBe(0);
    expect(await store.lookupTask('a')).toBeNull();
  });

  it('goes on after a task whose id is taken', async () => {
    await store.addTask(makeTask('a'));
    await dataSource.transaction(async (manager) => {
      const adding = store.addTask(makeTask('a'), { transaction: manager });
      await expect(adding).rejects.toThrow(TaskConflictError);
      await manager.query(`INSERT INTO ${ORDERS} (id) VALUES (1)`);
    });
    expect(await orders()).toBe(1);
  });

  it('takes in many tasks, and goes on after those whose id is taken', async () => {
    await store.addTask(makeTask('b'));
    await dataSource.transaction(async (manager) => {
      const tasks = ['a', 'b', 'c', 'c'].map((id) => makeTask(id));
      expect(new Set(await store.addTasks(tasks, { transaction: manager }))).toEqual(new Set(['b', 'c']));
      await manager.query(`INSERT INTO ${ORDERS} (id) VALUES (1)`);
    });
    expect(await orders()).toBe(1);
    expect((await store.getAllTasks()).map(({ id }) => id)).toEqual(['a', 'b', 'c']);
  });

  if (database.url.startsWith('mysql')) {
    it('names an id that somebody has taken since it began, which it does not see', async () => {
      await dataSource.transaction(async (manager) => {
        await manager.query(`SELECT COUNT(*) FROM ${PREFIX}_tasks`);
        await store.addTask(makeTask('b'));
        const tasks = ['a', 'b', 'c'].map((id) => makeTask(id));
        expect(await store.addTasks(tasks, { transaction: manager })).toEqual(['b']);
      });
      expect((await store.getAllTasks()).map(({ id }) => id)).toEqual(['a', 'b', 'c']);
    });
  }

  it('wakes the scheduler when it has ended, and not before', async () => {
    const events = new EventEmitter();
    const woken = once(events, 'wake');
    let wakes = 0;
    const end = store.onWake(() => {
      wakes += 1;
      events.emit('wake');
    });
    const due = await store.now();
    await dataSource.transaction(async (manager) => {
      await store.addTask(makeTask('a', { nextRunTime: due - 1 }), { transaction: manager });
      await manager.query(`INSERT INTO ${ORDERS} (id) VALUES (1)`);
      expect(wakes).toBe(0);
    });
    await woken;
    const request = { limit: 1, handlers: null };
    expect((await claimDue(store, request, startDue('me', 1_000))).claimed).toHaveLength(1);
    end();
  });

  it('changes a task together with its own rows, and not when it rolls back', async () => {
    const own = new TypeormStore({ ...database.settings, dataSource, tableName: PREFIX });
    const scheduler = new Scheduler({ stores: { default: own } });
    scheduler.registerHandler('work', () => {});
    await scheduler.start();
    const trigger = { type: 'interval', hours: 1 } as const;
    await scheduler.addTask({ id: 'a', handler: 'work', args: [1], trigger, paused: true });
    await dataSource.transaction(async (manager) => {
      await manager.query(`INSERT INTO ${ORDERS} (id) VALUES (1)`);
      const changed = await scheduler.updateTask('a', { args: [2], priority: 5 }, { transaction: manager });
      expect(changed.args).toEqual([2]);
      // A task that was added in it is there for it.
      await scheduler.addTask({ id: 'b', handler: 'work', trigger, transaction: manager });
      await scheduler.rescheduleTask('b', { type: 'interval', hours: 2 }, { transaction: manager });
      await expect(scheduler.updateTask('none', { args: [] }, { transaction: manager })).rejects.toThrow(
        TaskNotFoundError,
      );
      await expect(scheduler.updateTask('a', { priority: 'x' as never }, { transaction: manager })).rejects.toThrow(
        InvalidOptionError,
      );
    });
    expect(await scheduler.getTaskInfo('a')).toMatchObject({ args: [2], policies: { priority: 5 }, paused: true });
    expect(await scheduler.getTaskInfo('b')).toMatchObject({ trigger: { type: 'interval' } });
    const failed = dataSource.transaction(async (manager) => {
      await manager.query(`INSERT INTO ${ORDERS} (id) VALUES (2)`);
      await scheduler.updateTask('a', { args: [3] }, { transaction: manager });
      throw new Error('the order is not paid');
    });
    await expect(failed).rejects.toThrow('the order is not paid');
    expect(await scheduler.getTaskInfo('a')).toMatchObject({ args: [2] });
    expect(await orders()).toBe(1);
    await scheduler.shutdown();
  });

  it('takes every change of a task and of a run in, and none of them when it rolls back', async () => {
    const own = new TypeormStore({ ...database.settings, dataSource, tableName: PREFIX });
    const scheduler = new Scheduler({ stores: { default: own }, startPaused: true });
    scheduler.registerHandler('work', () => {});
    await scheduler.start();
    const trigger = { type: 'interval', hours: 1 } as const;
    const asked = { actor: 'ada' };
    const ids = ['paused', 'resumed', 'deleted', 'run', 'backfilled', 'cancelled', 'object'];
    await scheduler.addTasks(ids.map((id) => ({ id, handler: 'work', trigger, paused: id === 'resumed' })));
    const waiting = await scheduler.runTask('cancelled');
    const object = (await scheduler.getTask('object'))!;
    const state = async () => ({
      tasks: (await scheduler.getTaskInfos({ sortBy: 'id' })).tasks.map((task) =>
        task.state === 'unreadable' ? task.id : [task.id, task.paused, task.live.length, task.control?.action],
      ),
      runs: (await scheduler.getRuns()).runs.map(({ id, status }) => [id, status]),
      orders: await orders(),
    });
    const changeAll = async (transaction: EntityManager) => {
      await transaction.query(`INSERT INTO ${ORDERS} (id) VALUES (1)`);
      await scheduler.pauseTask('paused', { ...asked, transaction });
      await scheduler.resumeTask('resumed', { ...asked, transaction });
      expect(await scheduler.deleteTask('deleted', { transaction })).toMatchObject({ id: 'deleted' });
      const runId = await scheduler.runTask('run', { ...asked, transaction });
      expect(runId).toMatch(/^run@/);
      const range = { from: Date.now() - 1, to: Date.now() };
      expect(await scheduler.backfillTask('backfilled', { ...range, transaction })).toBeInstanceOf(Array);
      await scheduler.cancelRun(waiting, { ...asked, transaction });
      // Within the transaction the change is there.
      await expect(scheduler.cancelRun(waiting, { transaction })).rejects.toThrow(RunNotFoundError);
      await expect(scheduler.pauseTask('deleted', { transaction })).rejects.toThrow(TaskNotFoundError);
      await object.pause({ transaction });
      for (const args of [[1], [2]]) {
        await scheduler.upsertTask({ id: 'upserted', handler: 'work', args, trigger, transaction });
        const asked = {
          handler: 'work',
          args,
          delay: '1h',
          dedupe: { key: 'k', mode: 'replace' },
          transaction,
        } as const;
        expect((await scheduler.addTask(asked)).args).toEqual(args);
        const listed = { handler: 'work', args, dedupe: { key: 'k' } };
        expect(await scheduler.addTasks([listed], { transaction })).toMatchObject({ existing: ['work~k'] });
      }
      const replaced = { id: 'replaced', handler: 'work', trigger, replaceExisting: true, transaction };
      for (let time = 0; time < 2; time += 1) await scheduler.addTask(replaced);
    };
    const before = await state();
    const failed = dataSource.transaction(async (manager) => {
      await changeAll(manager);
      throw new Error('the order is not paid');
    });
    await expect(failed).rejects.toThrow('the order is not paid');
    expect(await state()).toEqual(before);
    await dataSource.transaction(changeAll);
    expect(await state()).toEqual({
      tasks: [
        ['backfilled', false, 0, 'backfill'],
        ['cancelled', false, 0, 'cancel'],
        ['object', true, 0, 'pause'],
        ['paused', true, 0, 'pause'],
        ['replaced', false, 0, undefined],
        ['resumed', false, 0, 'resume'],
        ['run', false, 1, 'run'],
        ['upserted', false, 0, undefined],
        ['work~k', false, 0, undefined],
      ],
      runs: [[waiting, 'cancelled']],
      orders: 1,
    });
    await scheduler.shutdown();
  });

  it('starts a run that was asked for in it when it commits, long before the next poll', async () => {
    const own = new TypeormStore({ ...database.settings, dataSource, tableName: PREFIX });
    const scheduler = new Scheduler({ stores: { default: own }, pollInterval: '1h' });
    scheduler.registerHandler('work', () => 'done');
    await scheduler.start();
    await scheduler.addTask({ id: 'a', handler: 'work', trigger: { type: 'interval', hours: 1 } });
    const runId = await dataSource.transaction(async (transaction) => {
      await expect(scheduler.runTask('a', { transaction, wait: true })).rejects.toThrow(InvalidOptionError);
      return scheduler.runTask('a', { transaction });
    });
    expect(await scheduler.waitForRun(runId, { timeout: '30s' })).toMatchObject({ result: 'done' });
    await scheduler.shutdown();
  });

  it('is refused when it is no transaction of the data source', async () => {
    const other = await database.open();
    const outside: [unknown, string][] = [
      [dataSource.manager, 'outside a transaction'],
      [other.manager, 'another data source'],
      [{}, 'Object'],
      [null, 'null'],
      ['manager', 'manager'],
    ];
    for (const [transaction, what] of outside) {
      const adding = store.addTask(makeTask('a'), { transaction });
      await expect(adding).rejects.toThrow(InvalidOptionError);
      await expect(store.addTask(makeTask('a'), { transaction })).rejects.toThrow(what);
      await expect(store.transact({ ids: ['a'] }, () => null, { transaction })).rejects.toThrow(what);
    }
    await other.transaction(async (manager) => {
      await expect(store.addTask(makeTask('a'), { transaction: manager })).rejects.toThrow('another data source');
    });
    await other.destroy();
    expect(await store.lookupTask('a')).toBeNull();
  });
});

describe('an SQLite connection that is shared with the application', () => {
  const database: TestDatabase = sqlite();
  let dataSource: DataSource;
  let store: TypeormStore;

  const start = async (operationTimeout: number) => {
    store = new TypeormStore({ dataSource, tableName: PREFIX, operationTimeout });
    await store.start(createStoreContext());
  };

  beforeAll(async () => {
    dataSource = await database.open();
    await dataSource.query(`CREATE TABLE ${ORDERS} (id integer)`);
  });
  afterEach(async () => {
    await store.shutdown();
    await dropTables(dataSource, PREFIX);
  });
  afterAll(async () => {
    await dataSource.destroy();
    database.remove();
  });

  it("does not let the store's writes go with the application's rollback", async () => {
    await start(10_000);
    const now = await store.now();
    await store.addTask(makeTask('due', { nextRunTime: now - 1 }));
    let claiming: Promise<unknown> = Promise.resolve();
    let adding: Promise<unknown> = Promise.resolve();
    const failed = dataSource.transaction(async (manager) => {
      await manager.query(`INSERT INTO ${ORDERS} (id) VALUES (1)`);
      const request = { limit: 1, handlers: null };
      claiming = Promise.resolve(claimDue(store, request, startDue('me', 60_000)));
      adding = store.addTask(makeTask('b'));
      for (let step = 0; step < 20; step += 1) {
        await manager.query(`INSERT INTO ${ORDERS} (id) VALUES (2)`);
        await new Promise((resolve) => setImmediate(resolve));
      }
      throw new Error('roll back');
    });
    await expect(failed).rejects.toThrow('roll back');
    await claiming;
    await adding;
    expect(await store.lookupTask('b')).toEqual(makeTask('b'));
    expect(await store.lookupTask('due')).toMatchObject({ version: 2 });
    expect(await dataSource.query(`SELECT * FROM ${ORDERS}`)).toEqual([]);
  });

  it("never has the application's statements inside the store's transactions", async () => {
    await start(10_000);
    const now = await store.now();
    await store.addTasks(Array.from({ length: 200 }, (_, at) => makeTask(`t${at}`, { nextRunTime: now - 1 })));
    // Every other transaction of the store fails, and must take nothing of the application with it.
    let written = 0;
    const claims = (async () => {
      for (let round = 0; round < 40; round += 1) {
        await Promise.resolve(
          store.transact({ due: { limit: 5, handlers: null } }, (task) => {
            if (round % 2) throw new Error('no');
            return { task: { ...task, state: { ...task.state, nextRunTime: null } }, history: [], value: null };
          }),
        ).catch(() => {});
      }
    })();
    const work = (async () => {
      for (let round = 0; round < 100; round += 1) {
        await dataSource.query(`INSERT INTO ${ORDERS} (id) VALUES (${round})`);
        written += 1;
      }
    })();
    await Promise.all([claims, work]);
    expect(await dataSource.query(`SELECT count(*) AS count FROM ${ORDERS}`)).toEqual([{ count: written }]);
  });

  it('says what to do when it waits in vain for a transaction that waits for it', async () => {
    await start(100);
    await dataSource.transaction(async (manager) => {
      await manager.query(`INSERT INTO ${ORDERS} (id) VALUES (1)`);
      await expect(store.addTask(makeTask('a'))).rejects.toThrow('transaction: entityManager');
    });
    await store.addTask(makeTask('a'));
    expect(await store.lookupTask('a')).toEqual(makeTask('a'));
  });
});
