import assert from 'node:assert/strict';
import { assertRejects, codeOf } from '../rejection.js';
import { assertSame } from '../same-value.js';
import { idsOf } from '../store.bench.js';
import { makeTask } from '../task.fixtures.js';
import type { ContractSection } from './contract.section.js';

/** Runs what may throw at once or reject later. */
const attempt = async (work: () => unknown): Promise<unknown> => work();

export const TASKS: ContractSection = {
  title: 'tasks',
  tests: {
    'gives back a task as it was added, in every field': async (bench) => {
      const store = await bench.open();
      const now = await store.now();
      const task = makeTask('full', {
        name: 'A task with everything',
        handler: 'reports.generate',
        args: [{ deep: [1, null, true] }],
        input: 'data',
        schemaVersion: 3,
        trigger: { type: 'cron', expression: '*/5 * * * *', timezone: 'Europe/Lisbon' },
        executor: 'threads',
        origin: 'code',
        tags: ['nightly', 'ß'],
        declared: { trigger: 'a1b2', options: { name: 'c3d4', priority: 'e5f6' }, paused: true, disabled: true },
        throttledUntil: now + 60_001,
        trace: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
        policies: {
          coalesce: 'all',
          misfireGraceMs: 90_001,
          maxInstances: 3,
          overlap: 'queueOne',
          delivery: 'at-most-once',
          maxLost: 7,
          priority: -7,
          retry: { attempts: 3, backoff: 'exponential', delayMs: 1_000, maxDelayMs: 60_000 },
          timeoutMs: 12_345,
          pauseAfterFailures: 4,
          history: 'failures',
          keepResult: false,
        },
        nextRunTime: now + 86_400_001,
        state: {
          lastScheduledTime: now - 17,
          scheduledCount: 42,
          pause: { at: now - 3, reason: 'maintenance', actor: 'ops' },
          failuresInARow: 2,
          lostInARow: 5,
          lastToken: 2 ** 52,
          lastRun: { id: 'full@1', status: 'failed', startedAt: now - 10, endedAt: now - 5 },
          problem: { code: 'ASYNCZ_X', message: 'a problem', at: now, count: 2 },
        },
      });
      await store.addTask(task);
      assertSame(await store.lookupTask('full'), task);
      assertSame([...(await store.getAllTasks())], [task]);
    },

    'refuses a second task with the same id and keeps the first': async (bench) => {
      const store = await bench.open();
      await store.addTask(makeTask('a', { name: 'first' }));
      await assertRejects(() => store.addTask(makeTask('a', { name: 'second' })), 'ASYNCZ_TASK_CONFLICT');
      assert.equal((await bench.task(store, 'a')).definition.name, 'first');
    },

    'lets one of many adds of the same id at the same time succeed': async (bench) => {
      const store = await bench.open();
      const other = await bench.other(store);
      const adds = Array.from({ length: 10 }, (_, at) =>
        attempt(() => (at % 2 ? other : store).addTask(makeTask('a', { name: `add ${at}` }))),
      );
      const outcomes = await Promise.allSettled(adds);
      const winners = outcomes.flatMap(({ status }, at) => (status === 'fulfilled' ? [`add ${at}`] : []));
      for (const outcome of outcomes) {
        if (outcome.status === 'rejected')
          assert.equal(codeOf(outcome.reason), 'ASYNCZ_TASK_CONFLICT', String(outcome.reason));
      }
      assertSame([(await bench.task(store, 'a')).definition.name], winners);
    },

    'adds many at once and names the ids that were there already': async (bench) => {
      const store = await bench.open();
      await store.addTask(makeTask('b', { name: 'before' }));
      const conflicts = await store.addTasks([makeTask('a'), makeTask('b', { name: 'after' }), makeTask('c')]);
      assertSame([...conflicts], ['b']);
      assertSame(idsOf(await store.getAllTasks()), ['a', 'b', 'c']);
      assert.equal((await bench.task(store, 'b')).definition.name, 'before');
      assertSame([...(await store.addTasks([]))], []);
    },

    'names an id that is given twice in one add of many, and keeps the first': async (bench) => {
      const store = await bench.open();
      const conflicts = await store.addTasks([makeTask('a', { name: 'first' }), makeTask('a', { name: 'second' })]);
      assertSame([...conflicts], ['a']);
      assert.equal((await bench.task(store, 'a')).definition.name, 'first');
    },

    'gives null for an unknown id': async (bench) => {
      const store = await bench.open();
      await store.addTask(makeTask('a'));
      assert.equal(await store.lookupTask('b'), null);
      assert.equal(await store.lookupTask(''), null);
    },

    'replaces a task as a whole and keeps the version that it was given': async (bench) => {
      const store = await bench.open();
      const now = await store.now();
      await store.addTask(makeTask('a', { nextRunTime: now, args: [1], tags: ['old'] }));
      const changed = {
        ...makeTask('a', { name: 'new', handler: 'other', args: [2], tags: [], nextRunTime: now + 1 }),
        version: 2,
      };
      await store.updateTask(changed, 1);
      assertSame(await store.lookupTask('a'), changed);
      assert.equal(await store.getNextRunTime(), now + 1);
    },

    'refuses to replace a task that is not there': async (bench) => {
      const store = await bench.open();
      await assertRejects(() => store.updateTask({ ...makeTask('a'), version: 2 }, 1), 'ASYNCZ_TASK_NOT_FOUND');
      assert.equal(await store.lookupTask('a'), null);
    },

    'refuses to replace another version than the expected one': async (bench) => {
      const store = await bench.open();
      await store.addTask(makeTask('a'));
      const second = { ...makeTask('a', { name: 'second' }), version: 2 };
      await store.updateTask(second, 1);
      for (const expected of [1, 3]) {
        await assertRejects(
          () => store.updateTask({ ...makeTask('a', { name: 'late' }), version: expected + 1 }, expected),
          'ASYNCZ_VERSION_CONFLICT',
        );
      }
      assertSame(await store.lookupTask('a'), second);
    },

    'lets one of many replacements of the same version at the same time succeed': async (bench) => {
      const store = await bench.open();
      const other = await bench.other(store);
      await store.addTask(makeTask('a'));
      const updates = Array.from({ length: 10 }, (_, at) =>
        attempt(() =>
          (at % 2 ? other : store).updateTask({ ...makeTask('a', { name: `update ${at}` }), version: 2 }, 1),
        ),
      );
      const outcomes = await Promise.allSettled(updates);
      const winners = outcomes.flatMap(({ status }, at) => (status === 'fulfilled' ? [`update ${at}`] : []));
      for (const outcome of outcomes) {
        if (outcome.status === 'rejected')
          assert.equal(codeOf(outcome.reason), 'ASYNCZ_VERSION_CONFLICT', String(outcome.reason));
      }
      assertSame([(await bench.task(store, 'a')).definition.name], winners);
    },

    'deletes a task, and says whether it was there': async (bench) => {
      const store = await bench.open();
      const now = await store.now();
      await store.addTasks([makeTask('a', { nextRunTime: now - 2 }), makeTask('b', { nextRunTime: now - 1 })]);
      assert.equal(await store.deleteTask('a'), true);
      assert.equal(await store.deleteTask('a'), false);
      assert.equal(await store.lookupTask('a'), null);
      assertSame(idsOf(await store.getDueTasks(now)), ['b']);
      assert.equal(await store.getNextRunTime(), now - 1);
      await store.addTask(makeTask('a', { name: 'again' }));
      assert.equal((await bench.task(store, 'a')).definition.name, 'again');
    },

    'removes all tasks, and says how many there were': async (bench) => {
      const store = await bench.open();
      const now = await store.now();
      await store.addTasks(['a', 'b', 'c'].map((id) => makeTask(id, { nextRunTime: now })));
      assert.equal(await store.removeAllTasks(), 3);
      assert.equal(await store.removeAllTasks(), 0);
      assertSame([...(await store.getAllTasks())], []);
      assertSame([...(await store.getDueTasks(now))], []);
      assert.equal(await store.getNextRunTime(), null);
    },
  },
};
