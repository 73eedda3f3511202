import type { DataSource } from 'typeorm';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { Scheduler, SettableClock } from 'nestjs-asyncz';
import type { UnreadableTask } from '../../../lib/model/task.js';
import { TypeormStore } from '../../../lib/stores/typeorm/typeorm.store.js';
import { startDue } from '../../../lib/testing/plan.fixtures.js';
import { createStoreContext } from '../../../lib/testing/store-context.js';
import { claimDue } from '../../../lib/testing/store.steps.js';
import { makeRun, makeTask } from '../../../lib/testing/task.fixtures.js';
import { comparing, dropTables, mysql, postgres, sqlite } from './support/databases.js';

const PREFIX = `records_${process.pid}`;
const LIMIT = 4_000_000;

describe.each([postgres(), mysql(), sqlite(), comparing()])(
  'records that somebody else wrote, on $name',
  (database) => {
    let dataSource: DataSource;
    let store: TypeormStore;
    let reported: UnreadableTask[];
    let now: number;

    beforeAll(async () => {
      dataSource = await database.open();
    });
    beforeEach(async () => {
      reported = [];
      store = new TypeormStore({ ...database.settings, dataSource, tableName: PREFIX });
      const onUnreadable = (task: UnreadableTask) => reported.push(task);
      await store.start(createStoreContext({ maxRecordBytes: LIMIT, onUnreadable }));
      now = await store.now();
      await store.addTasks([
        makeTask('bad', { nextRunTime: now - 1_000, args: ['small'], policies: { group: 'g' } }),
        makeTask('good', { nextRunTime: now - 1 }),
      ]);
    });
    afterEach(async () => {
      await store.shutdown();
      await dropTables(dataSource, PREFIX);
    });
    afterAll(async () => {
      await dataSource.destroy();
      database.remove();
    });

    const claim = async () => {
      const request = { limit: 10, handlers: ['work'] };
      return (await claimDue(store, request, startDue('me', 60_000))).claimed.map(({ id }) => id);
    };
    const setText = (table: string, column: string, length: number) => {
      const filler = '#'.repeat(length);
      return dataSource.query(
        `UPDATE ${PREFIX}_${table} SET ${column} = REPLACE(${column}, 'small', '${filler}') WHERE id = 'bad'`,
      );
    };

    it('a definition of 5 MB does not stop the process: it is left in the database, and listed as too large', async () => {
      await setText('tasks', 'definition', 5_000_000);
      const [{ bytes }] = (await dataSource.query(
        `SELECT OCTET_LENGTH(definition) + OCTET_LENGTH(state) AS bytes FROM ${PREFIX}_tasks WHERE id = 'bad'`,
      )) as [{ bytes: number }];
      expect(await claim()).toEqual(['good']);
      expect(await store.lookupTask('bad')).toEqual({
        id: 'bad',
        unreadable: 'too-large',
        message: `The record has ${bytes} bytes or more; at most ${LIMIT} are read (maxRecordBytes).`,
        handler: 'work',
        nextRunTime: now - 1_000,
      });
      expect(reported.map(({ id, unreadable }) => [id, unreadable])).toContainEqual(['bad', 'too-large']);
      const listed = await store.query(
        { state: 'unreadable' },
        { by: 'id', descending: false },
        { offset: 0, limit: 9 },
      );
      expect(listed.tasks.map(({ id }) => id)).toEqual(['bad']);
    });

    it('a state of 5 MB is too large as well', async () => {
      await dataSource.query(`UPDATE ${PREFIX}_tasks SET state = '${'#'.repeat(5_000_000)}' WHERE id = 'bad'`);
      expect(await claim()).toEqual(['good']);
      expect(await store.lookupTask('bad')).toMatchObject({ unreadable: 'too-large' });
    });

    it('a run with a result of 5 MB is in the history, with the reason in place of the result', async () => {
      await store.saveRuns([makeRun('bad', { result: 'small' })]);
      await setText('runs', 'outcome', 5_000_000);
      const { runs } = await store.runs({}, { limit: 5 });
      expect(runs).toMatchObject([{ id: 'bad', error: { code: 'ASYNCZ_OUTCOME_UNREADABLE' }, result: undefined }]);
      expect(runs[0]!.error!.message).toContain('too-large');
    });

    it.each([
      ['priority', '7'],
      ['due_at', '12'],
      ['next_run_time', '12'],
      ['handler', "'other'"],
      ['executor', "'other'"],
      ['task_group', "'other'"],
      ['codec', "'1:json:abc'"],
      ['running', '3'],
      ['trigger_type', "'other'"],
      ['name', "'other'"],
    ])(
      'a task with another %s in its column than in its record is inconsistent, and does not run',
      async (column, value) => {
        await dataSource.query(`UPDATE ${PREFIX}_tasks SET ${column} = ${value} WHERE id = 'bad'`);
        expect(await claim()).toEqual(['good']);
        const stored = await store.lookupTask('bad');
        expect(stored).toMatchObject({ unreadable: 'inconsistent' });
        expect(reported.at(-1)).toEqual(stored);
      },
    );

    it.each(['last_token', 'version'])(
      'a %s at the end of all numbers is damage, and is not written on',
      async (column) => {
        await dataSource.query(`UPDATE ${PREFIX}_tasks SET ${column} = 9007199254740991 WHERE id = 'bad'`);
        expect(await claim()).toEqual(['good']);
        expect(await store.lookupTask('bad')).toMatchObject({ unreadable: 'damaged' });
      },
    );

    it('a heartbeat that is none does not hide the schedulers that are there', async () => {
      const { identity } = createStoreContext().scheduler;
      await store.heartbeat({ identity, name: 'test', heartbeatAt: 0 } as never);
      await dataSource.query(
        `INSERT INTO ${PREFIX}_schedulers (scheduler, heartbeat_at, data) VALUES ('x', 5, 'rubbish')`,
      );
      expect((await store.schedulers()).map((one) => one.identity)).toEqual([identity]);
    });

    if (database.name !== 'SQLite') return;

    it('a task that somebody made due never is reported, although nobody opens a list', async () => {
      await dataSource.query(`UPDATE ${PREFIX}_tasks SET due_at = 'soon' WHERE id = 'bad'`);
      await dataSource.query(`UPDATE ${PREFIX}_tasks SET due_at = NULL, next_run_time = NULL WHERE id = 'good'`);
      const clock = new SettableClock(Date.now());
      const other = new TypeormStore({ dataSource, tableName: PREFIX });
      const scheduler = new Scheduler({ stores: { default: other }, clock, heartbeatInterval: '1d' });
      onTestFinished(() => scheduler.shutdown(0));
      await scheduler.start();
      const found = new Set<string>();
      scheduler.addListener(({ taskId, reason }) => found.add(`${taskId} ${reason}`), 'task.unreadable');
      for (let minute = 0; minute < 6; minute += 1) {
        clock.advance(60_000);
        for (let turn = 0; turn < 20; turn += 1) await new Promise(setImmediate);
      }
      expect([...found].sort()).toEqual(['bad inconsistent', 'good inconsistent']);
    });

    it.each([
      ['priority', "'high'"],
      ['due_at', "'soon'"],
      ['next_run_time', "'soon'"],
      ['handler', "x'776f726b'"],
      ['executor', "x'64656661756c74'"],
    ])('a %s of another type is inconsistent, and holds nobody up', async (column, value) => {
      await dataSource.query(`UPDATE ${PREFIX}_tasks SET ${column} = ${value} WHERE id = 'bad'`);
      expect(await claim()).toEqual(['good']);
      expect(await store.nextDueFor({ handlers: ['work'] })).toBeGreaterThan(now);
      expect(await store.lookupTask('bad')).toMatchObject({ unreadable: 'inconsistent' });
    });
  },
);
