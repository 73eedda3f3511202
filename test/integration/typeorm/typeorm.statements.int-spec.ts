import type { DataSource } from 'typeorm';
import { afterAll, afterEach, describe, expect, it } from 'vitest';
import { TypeormStore } from '../../../lib/stores/typeorm/typeorm.store.js';
import type { DueFilter, DueOrder } from '../../../lib/stores/selection.interface.js';
import { resultOf, startDue } from '../../../lib/testing/plan.fixtures.js';
import { createStoreContext } from '../../../lib/testing/store-context.js';
import { makeTask } from '../../../lib/testing/task.fixtures.js';
import { comparing, dropTables, mysql, postgres, sqlite } from './support/databases.js';
import type { TestDatabase } from './support/databases.js';
import { RecordingLogger } from './support/recording.logger.js';
import { claimDue, finishRuns, renewLeases } from '../../../lib/testing/store.steps.js';

const PREFIX = `count_${process.pid}`;

describe.each([postgres(), mysql(), sqlite(), comparing()])('on $name', (database: TestDatabase) => {
  const logger = new RecordingLogger();
  let dataSource: DataSource;
  let store: TypeormStore;

  const start = async () => {
    dataSource = await database.open({ logging: true, logger });
    store = new TypeormStore({ ...database.settings, dataSource, tableName: PREFIX });
    await store.start(createStoreContext());
  };

  afterEach(async () => {
    await store.shutdown();
    await dropTables(dataSource, PREFIX);
    await dataSource.destroy();
  });

  afterAll(() => database.remove());

  it('claims, settles and ends 1,000 due tasks in at most 70 statements', async () => {
    await start();
    const now = await store.now();
    const tasks = Array.from({ length: 1_000 }, (_, at) => makeTask(`task-${at}`, { nextRunTime: now - 1_000 + at }));
    logger.clear();
    await store.addTasks(tasks);
    const adding = logger.statements.length;
    logger.clear();
    const request = { limit: 200, handlers: ['work'] };
    let ended = 0;
    for (let round = 0; round < 5; round += 1) {
      const { claimed } = await claimDue(store, request, startDue('me', 60_000));
      const results = claimed.map(({ task, start: runs }) => resultOf(task!, runs[0]!, 'succeeded'));
      ended += (await finishRuns(store, results)).settled.length;
    }
    const working = logger.statements.length;
    console.log(`${database.name}: 1,000 tasks in ${adding} statements to add and ${working} to claim, settle and end`);
    expect(ended).toBe(1_000);
    expect(working).toBeLessThanOrEqual(70);
    // The general path sends 200 rows a statement.
    expect(adding).toBeLessThanOrEqual(database.settings.lockMode === 'compare-and-set' ? 12 : 6);
  });

  it('asks one question a poll', async () => {
    await start();
    const now = await store.now();
    await store.addTask(makeTask('a', { nextRunTime: now + 60_000 }));
    await store.nextDueFor({ handlers: ['work'] });
    logger.clear();
    expect(await store.nextDueFor({ handlers: ['work'] })).toBe(now + 60_000);
    expect(logger.statements.filter(({ text }) => /^(SELECT|WITH)(?! pg_notify)/.test(text))).toHaveLength(1);
  });

  it('asks three questions where groups are full or the oldest go first, and two where one group is left', async () => {
    await start();
    const now = await store.now();
    const task = (id: string, group: string | null) => makeTask(id, { nextRunTime: now - 1, policies: { group } });
    await store.addTasks(['a', 'b', null].flatMap((group) => [task(`1${group}`, group), task(`2${group}`, group)]));
    const questionsOf = async (due: DueFilter & { order?: DueOrder }) => {
      logger.clear();
      await store.transact({ due: { limit: 9, ...due } }, () => null);
      return logger.statements.filter(({ text }) => /^(SELECT|WITH)(?! pg_notify)/.test(text)).length;
    };
    // The general path asks for the time, and looks at all that is due.
    const plain = database.settings.lockMode === 'compare-and-set' ? 2 : null;
    expect(await questionsOf({ handlers: ['work'], except: { group: ['b'] } })).toBe(plain ?? 3);
    expect(await questionsOf({ handlers: ['work'], order: 'age' })).toBe(plain ?? 3);
    expect(await questionsOf({ handlers: ['work'], order: 'age', except: { group: ['a', 'b'] } })).toBe(plain ?? 2);
    logger.clear();
    await store.nextDueFor({ handlers: ['work'], except: { group: ['a'] } });
    expect(logger.statements.filter(({ text }) => /^(SELECT|WITH)(?! pg_notify)/.test(text))).toHaveLength(
      plain === null ? 3 : 1,
    );
  });

  it('renews the leases of many runs in a handful of statements', async () => {
    await start();
    const now = await store.now();
    const ids = Array.from({ length: 500 }, (_, at) => `task-${at}`);
    await store.addTasks(ids.map((id) => makeTask(id, { nextRunTime: now - 1 })));
    const { claimed } = await claimDue(store, { limit: 500, handlers: null }, startDue('me', 60_000));
    logger.clear();
    const refs = claimed.map(({ id, start: [run] }) => ({ taskId: id, runId: run!.id, token: run!.token }));
    expect((await renewLeases(store, refs, 90_000)).lost).toEqual([]);
    expect(logger.statements.length).toBeLessThanOrEqual(10);
  });
});
