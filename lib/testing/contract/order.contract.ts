import assert from 'node:assert/strict';
import { finishRuns, renewLeases } from '../store.steps.js';
import { assertSame } from '../same-value.js';
import { INTERNAL_HANDLER, INTERNAL_PREFIX } from '../../model/definition.js';
import type { DueExcept } from '../../model/due-keys.js';
import { joined, perDueKey } from '../due-key.fixtures.js';
import { idsOf } from '../store.bench.js';
import { makeLiveRun, makeTask } from '../task.fixtures.js';
import type { TaskFields } from '../task.fixtures.js';
import type { ContractSection } from './contract.section.js';

export const ORDER: ContractSection = {
  title: 'order and due times',
  tests: {
    'lists tasks by next run time, ties by id, those without one last': async (bench) => {
      const store = await bench.open();
      const now = await store.now();
      await store.addTasks([
        makeTask('none-2'),
        makeTask('later', { nextRunTime: now + 2 }),
        makeTask('tie-b', { nextRunTime: now + 1 }),
        makeTask('none-1'),
        makeTask('tie-a', { nextRunTime: now + 1 }),
        makeTask('first', { nextRunTime: now }),
      ]);
      const ids = idsOf(await store.getAllTasks());
      assertSame(ids, ['first', 'tie-a', 'tie-b', 'later', 'none-1', 'none-2']);
    },

    'keeps milliseconds exactly, in the year 1970 and in 2200': async (bench) => {
      const store = await bench.open();
      const times = [0, 1, 999, 1_577_880_000_123, 4_102_444_800_001, 7_258_118_400_007];
      await store.addTasks(times.map((time) => makeTask(`at-${time}`, { nextRunTime: time })));
      const stored = await store.getAllTasks();
      assertSame(
        stored.map((task) => !('unreadable' in task) && task.state.nextRunTime),
        times,
      );
      assert.equal(await store.getNextRunTime(), 0);
      assertSame(idsOf(await store.getDueTasks(1_577_880_000_122)), ['at-0', 'at-1', 'at-999']);
      assert.equal((await store.getDueTasks(1_577_880_000_123)).length, 4);
    },

    'gives the due tasks by priority, then due time, then id': async (bench) => {
      const store = await bench.open();
      const now = await store.now();
      const task = (id: string, priority: number, nextRunTime: number) =>
        makeTask(id, { nextRunTime, policies: { priority } });
      await store.addTasks([
        task('p1-late', 1, now - 1),
        task('p1-b', 1, now - 5),
        task('p0-late', 0, now),
        task('p1-a', 1, now - 5),
        task('p-2', -2, now),
        task('p0-early', 0, now - 9),
        task('future', -9, now + 1),
      ]);
      const ids = idsOf(await store.getDueTasks(now));
      assertSame(ids, ['p-2', 'p0-early', 'p0-late', 'p1-a', 'p1-b', 'p1-late']);
    },

    'counts a task due at the very millisecond, and not one before': async (bench) => {
      const store = await bench.open();
      const now = await store.now();
      await store.addTask(makeTask('a', { nextRunTime: now }));
      assertSame(idsOf(await store.getDueTasks(now - 1)), []);
      assertSame(idsOf(await store.getDueTasks(now)), ['a']);
    },

    'counts what is due, and no further than it is asked to': async (bench) => {
      const store = await bench.open();
      const now = await store.now();
      const pause = { at: now, reason: null, actor: null };
      await store.addTasks([
        makeTask('late', { nextRunTime: now - 5 }),
        makeTask('now', { nextRunTime: now, handler: 'other', policies: { priority: -3 } }),
        makeTask('grouped', { nextRunTime: now - 9, policies: { group: 'g' } }),
        makeTask('later', { nextRunTime: now + 60_000 }),
        makeTask('paused', { nextRunTime: now - 5, state: { pause } }),
        makeTask('none'),
      ]);
      assert.equal(await store.countDue(now, 100), 3);
      assert.equal(await store.countDue(now, 2), 2);
      assert.equal(await store.countDue(now - 1, 100), 2);
      assert.equal(await store.countDue(now - 10, 100), 0);
      await store.deleteTask('late');
      assert.equal(await store.countDue(now, 100), 2);
    },

    'never counts a paused task due, nor one without a next run time': async (bench) => {
      const store = await bench.open();
      const now = await store.now();
      const pause = { at: now, reason: null, actor: null };
      await store.addTasks([
        makeTask('paused', { nextRunTime: now - 5, state: { pause } }),
        makeTask('none'),
        makeTask('mine', { nextRunTime: now - 1 }),
      ]);
      assertSame(idsOf(await store.getDueTasks(now)), ['mine']);
      assert.equal(await store.getNextRunTime(), now - 1);
      await store.deleteTask('mine');
      assertSame(idsOf(await store.getDueTasks(now)), []);
      assert.equal(await store.getNextRunTime(), null);
    },

    'counts a task due for a waiting run, for a lease that ran out, and for what was asked for while it is paused':
      async (bench) => {
        const store = await bench.open();
        const now = await store.now();
        const pause = { at: now, reason: null, actor: null };
        const running = { status: 'running', owner: 'dead', startedAt: now - 90, token: 1 } as const;
        await store.addTasks([
          makeTask('retry', { state: { live: [makeLiveRun('retry@1', { availableAt: now - 40 })] } }),
          makeTask('expired', { state: { live: [makeLiveRun('expired@1', { ...running, leaseUntil: now - 30 })] } }),
          makeTask('held', {
            nextRunTime: now + 70,
            state: { live: [makeLiveRun('held@1', { ...running, leaseUntil: now + 60 })] },
          }),
          makeTask('asked', {
            nextRunTime: now - 50,
            state: { pause, live: [makeLiveRun('asked', { source: 'manual', availableAt: now - 20 })] },
          }),
          makeTask('paused-retry', {
            state: { pause, live: [makeLiveRun('paused-retry@1', { availableAt: now - 10 })] },
          }),
        ]);
        assertSame(idsOf(await store.getDueTasks(now)), ['retry', 'expired', 'asked']);
        assert.equal(await store.getNextRunTime(), now - 40);
        assertSame(idsOf(await store.getDueTasks(now + 60)), ['retry', 'expired', 'asked', 'held']);
      },

    'counts a task that the code has disabled due for a lease that ran out alone, and as before when it is enabled':
      async (bench) => {
        const store = await bench.open();
        const now = await store.now();
        const declared = { trigger: 't', options: {}, paused: false, disabled: true };
        const running = {
          status: 'running',
          owner: 'dead',
          startedAt: now - 90,
          token: 1,
          leaseUntil: now - 30,
        } as const;
        await store.addTasks([
          makeTask('off', { origin: 'code', declared, nextRunTime: now - 5 }),
          makeTask('asked', {
            origin: 'code',
            declared,
            state: { live: [makeLiveRun('asked', { source: 'manual', availableAt: now - 20 })] },
          }),
          makeTask('expired', {
            origin: 'code',
            declared,
            nextRunTime: now - 50,
            state: { live: [makeLiveRun('expired@1', running)] },
          }),
        ]);
        assertSame(idsOf(await store.getDueTasks(now)), ['expired']);
        assert.equal(await store.getNextRunTime(), now - 30);
        assert.equal(await store.nextDueFor({ handlers: ['work'] }), now - 30);
        await store.deleteTask('expired');
        assert.equal(await store.getNextRunTime(), null);
        await store.transact({ ids: ['off', 'asked'] }, (task) => ({
          task: { ...task, definition: { ...task.definition, declared: { ...declared, disabled: false } } },
          value: null,
        }));
        assertSame(idsOf(await store.getDueTasks(now)), ['asked', 'off']);
        const { committed } = await store.transact({ due: { limit: 9, handlers: null } }, (task) => ({
          task: { ...task, definition: { ...task.definition, declared } },
          value: null,
        }));
        assertSame(idsOf(committed), ['asked', 'off']);
        assertSame(idsOf(await store.getDueTasks(now)), []);
      },

    'follows a change of the next run time, in either direction': async (bench) => {
      const store = await bench.open();
      const now = await store.now();
      await store.addTasks([makeTask('a', { nextRunTime: now + 10 }), makeTask('b', { nextRunTime: now + 20 })]);
      await store.updateTask({ ...makeTask('b', { nextRunTime: now + 5 }), version: 2 }, 1);
      assert.equal(await store.getNextRunTime(), now + 5);
      assertSame(idsOf(await store.getAllTasks()), ['b', 'a']);
      await store.updateTask({ ...makeTask('b', { nextRunTime: now + 30 }), version: 3 }, 2);
      assert.equal(await store.getNextRunTime(), now + 10);
      await store.updateTask({ ...makeTask('a'), version: 2 }, 1);
      assert.equal(await store.getNextRunTime(), now + 30);
    },

    'says when something of given handlers is due next': async (bench) => {
      const store = await bench.open();
      const now = await store.now();
      await store.addTasks([
        makeTask('theirs', { handler: 'theirs', nextRunTime: now - 100 }),
        makeTask('mine-late', { handler: 'mine', nextRunTime: now + 20 }),
        makeTask('mine', { handler: 'mine', nextRunTime: now + 10 }),
        makeTask('mine-none', { handler: 'idle' }),
      ]);
      assert.equal(await store.nextDueFor({ handlers: null }), now - 100);
      assert.equal(await store.nextDueFor({ handlers: ['mine'] }), now + 10);
      assert.equal(await store.nextDueFor({ handlers: ['mine', 'theirs'] }), now - 100);
      assert.equal(await store.nextDueFor({ handlers: ['idle'] }), null);
      assert.equal(await store.nextDueFor({ handlers: ['unknown'] }), null);
      assert.equal(await store.nextDueFor({ handlers: [] }), null);
    },

    'leaves out the tasks of handlers that are not asked for': async (bench) => {
      const store = await bench.open();
      const now = await store.now();
      await store.addTasks(
        ['one', 'two', 'three'].map((handler, at) => makeTask(handler, { handler, nextRunTime: now - 3 + at })),
      );
      const selected = async (notHandlers: string[], handlers: string[] | null = null) => {
        const due = { limit: 9, handlers, notHandlers, order: 'age' } as const;
        const { left } = await store.transact({ due }, () => null);
        return idsOf(left);
      };
      assertSame(await selected(['one', 'two', 'three', 'unknown']), []);
      assertSame(await selected(['one'], ['one']), []);
      assertSame(await selected(['one', '%']), ['two', 'three']);
      assertSame(await selected([]), ['one', 'two', 'three']);
      assert.equal(await store.nextDueFor({ handlers: null, notHandlers: ['one'] }), now - 2);
      assert.equal(await store.nextDueFor({ handlers: null, notHandlers: ['one', 'two', 'three'] }), null);
    },

    ...perDueKey(
      (key) => `leaves tasks out of what is due next by their ${key}, where it is asked to`,
      ({ key, value, values, leftOut, alike, others, exceptAll }) =>
        async (bench) => {
          const store = await bench.open();
          const now = await store.now();
          const task = (id: string, at: number, ...fields: TaskFields[]) =>
            makeTask(id, joined(...fields, { nextRunTime: now + at }));
          await store.addTasks([
            task('a', -9, leftOut),
            task('b', -5, ...others, leftOut),
            task('c', 7, leftOut, { handler: 'other', policies: { priority: 3 } }),
            ...others.map((fields, at) => task(`d-${at}`, 20, fields)),
            task('e', 30),
          ]);
          const next = async (except: DueExcept, handlers: string[] | null = ['work']) => {
            const due = await store.nextDueFor({ handlers, except });
            return due === null ? null : due - now;
          };
          assert.equal(await next({}), -9);
          assert.equal(await next({ [key]: [] }), -9);
          assert.equal(await next({ [key]: [value.slice(0, -1), value.toUpperCase(), 'unknown'] }), -9);
          assert.equal(await next({ [key]: values }), 20);
          assert.equal(await next({ [key]: ['unknown', ...values, '\0'] }, null), 20);
          assert.equal(await next({}, ['other']), 7);
          assert.equal(await next({ [key]: values }, ['other']), null);
          assert.equal(await next(exceptAll), 30);
          // An edit gives a task another value.
          const edited = (id: string, at: number, fields: TaskFields, version: number) =>
            store.updateTask({ ...task(id, at, fields), version }, version - 1);
          await edited('a', -9, alike, 2);
          assert.equal(await next({ [key]: values }), -9);
          await edited('a', -9, leftOut, 3);
          assert.equal(await next({ [key]: values }), 20);
        },
    ),

    'keeps internal records, which are never due and which no query shows': async (bench) => {
      const store = await bench.open();
      const now = await store.now();
      const id = `${INTERNAL_PREFIX}kit`;
      const running = makeLiveRun('slot', { status: 'running', owner: 'me', token: 7, leaseUntil: now - 5 });
      const internal = makeTask(id, { handler: INTERNAL_HANDLER, origin: 'internal', state: { live: [running] } });
      await store.addTasks([internal, makeTask('mine', { nextRunTime: now + 60_000 })]);
      assertSame(await store.lookupTask(id), internal);
      assertSame(idsOf(await store.getDueTasks(now)), []);
      assert.equal(await store.getNextRunTime(), now + 60_000);
      assert.equal(await store.nextDueFor({ handlers: null }), now + 60_000);
      for (const filter of [{}, { state: 'running' }, { handler: INTERNAL_HANDLER }, { q: 'kit' }] as const) {
        const { tasks, total } = await store.query(filter, { by: 'id', descending: false }, { offset: 0, limit: 10 });
        assertSame(
          [idsOf(tasks), total],
          'state' in filter || 'handler' in filter || 'q' in filter ? [[], 0] : [['mine'], 1],
        );
      }
      const { lost } = await renewLeases(store, [{ taskId: id, runId: 'slot', token: 7 }], bench.longLeaseMs);
      assertSame([...lost], []);
      const end = { taskId: id, runId: 'slot', token: 7, record: null, retryAt: null };
      assert.equal((await finishRuns(store, [end])).settled.length, 1);
      assertSame([...(await bench.task(store, id)).state.live], []);
    },
  },
};
