import assert from 'node:assert/strict';
import type { StoredTaskFilter, TaskSort } from '../../model/query.js';
import type { Store } from '../../stores/store.interface.js';
import { assertSame } from '../same-value.js';
import { idsOf } from '../store.bench.js';
import { makeLiveRun, makeTask } from '../task.fixtures.js';
import type { ContractSection } from './contract.section.js';

const T0 = 4_000_000_000_000;
const BY_ID: TaskSort = { by: 'id', descending: false };

/** Five tasks, each in another state, that differ in all that can be asked for. */
async function fill(store: Store): Promise<void> {
  const running = { status: 'running', owner: 'x', startedAt: T0, leaseUntil: T0 * 2, token: 1 } as const;
  await store.addTasks([
    makeTask('t1', {
      name: 'beta report',
      handler: 'reports.daily',
      trigger: { type: 'cron', expression: '0 0 * * *' },
      tags: ['night', 'erp'],
      nextRunTime: T0 + 2,
      policies: { priority: 5 },
    }),
    makeTask('t2', {
      name: 'Alpha sweep',
      handler: 'sweep',
      trigger: { type: 'interval', minutes: 5 },
      executor: 'threads',
      tags: ['erp'],
      nextRunTime: T0 + 1,
      state: { live: [makeLiveRun('t2@1', running)] },
    }),
    makeTask('t3', {
      name: 'gamma 100%',
      handler: 'reports.weekly',
      trigger: { type: 'cron', expression: '0 0 * * 1' },
      nextRunTime: T0 + 2,
      policies: { priority: -5 },
      state: { pause: { at: T0, reason: null, actor: null } },
    }),
    makeTask('t4', {
      name: 'under_score',
      handler: 'sweep',
      tags: ['night'],
      origin: 'code',
      state: { exhausted: true },
    }),
    makeTask('T5', {
      name: 'delta [x].*',
      handler: 'Mail',
      executor: 'threads',
      nextRunTime: T0,
      state: { live: [makeLiveRun('T5@1', { availableAt: T0 * 2 })] },
    }),
  ]);
}

async function ask(store: Store, filter: StoredTaskFilter, sort = BY_ID): Promise<string[]> {
  const { tasks, total } = await store.query(filter, sort, { offset: 0, limit: 100 });
  assert.equal(total, tasks.length, 'total');
  return idsOf(tasks);
}

export const QUERY: ContractSection = {
  title: 'queries',
  tests: {
    'goes on after an id, whatever is removed and added before it': async (bench) => {
      const store = await bench.open();
      await fill(store);
      const page = async (filter: StoredTaskFilter) => {
        const { tasks, total } = await store.query(filter, BY_ID, { offset: 0, limit: 2 });
        return [idsOf(tasks), total];
      };
      assertSame(await page({ after: 't1' }), [['t2', 't3'], 3]);
      await store.deleteTask('t1');
      await store.deleteTask('t3');
      await store.addTask(makeTask('S', { handler: 'sweep' }));
      assertSame(await page({ after: 't3' }), [['t4'], 1]);
      assertSame(await page({ after: 't4' }), [[], 0]);
      assertSame(await page({ after: 'S', handler: 'sweep' }), [['t2', 't4'], 2]);
      assertSame(await page({ after: 'S', state: 'running' }), [['t2'], 1]);
    },

    'filters by state': async (bench) => {
      const store = await bench.open();
      await fill(store);
      assertSame(await ask(store, {}), ['T5', 't1', 't2', 't3', 't4']);
      assertSame(await ask(store, { state: 'scheduled' }), ['T5', 't1']);
      assertSame(await ask(store, { state: 'running' }), ['t2']);
      assertSame(await ask(store, { state: 'paused' }), ['t3']);
      assertSame(await ask(store, { state: 'finished' }), ['t4']);
      assertSame(await ask(store, { state: 'unreadable' }), []);
      assertSame(await ask(store, { state: 'pending' }), []);
      assertSame(await ask(store, { state: 'disabled' }), []);
    },

    'tells a task that the code has disabled from all others': async (bench) => {
      const store = await bench.open();
      await fill(store);
      const declare = (disabled: boolean) =>
        store.transact({ ids: ['T5', 't1', 't2', 't3', 't4'] }, (task) => ({
          task: {
            ...task,
            definition: { ...task.definition, declared: { trigger: 't', options: {}, paused: false, disabled } },
          },
          value: null,
        }));
      await declare(true);
      assertSame(await ask(store, { state: 'disabled' }), ['T5', 't1', 't3', 't4']);
      assertSame(await ask(store, { state: 'running' }), ['t2']);
      for (const state of ['scheduled', 'paused', 'finished'] as const) assertSame(await ask(store, { state }), []);
      await store.transact({ ids: ['t1'] }, (task) => ({
        task: { ...task, definition: { ...task.definition, declared: null } },
        value: null,
      }));
      const byState: TaskSort = { by: 'state', descending: false };
      assertSame(await ask(store, {}, byState), ['T5', 't3', 't4', 't2', 't1']);
      await declare(false);
      assertSame(await ask(store, { state: 'disabled' }), []);
      assertSame(await ask(store, { state: 'paused' }), ['t3']);
    },

    'follows the state of a task': async (bench) => {
      const store = await bench.open();
      await fill(store);
      const set = (id: string, state: object) =>
        store.transact({ ids: [id] }, (task) => ({
          task: { ...task, state: { ...task.state, ...state } },
          history: [],
          value: null,
        }));
      await set('t1', { pause: { at: T0, reason: null, actor: null } });
      await set('t2', { live: [] });
      await set('t3', { pause: null });
      await set('T5', { live: [], nextRunTime: null, exhausted: true });
      assertSame(await ask(store, { state: 'paused' }), ['t1']);
      assertSame(await ask(store, { state: 'running' }), []);
      assertSame(await ask(store, { state: 'scheduled' }), ['t2', 't3']);
      assertSame(await ask(store, { state: 'finished' }), ['T5', 't4']);
    },

    'filters by handler, executor, trigger and tag, exactly': async (bench) => {
      const store = await bench.open();
      await fill(store);
      assertSame(await ask(store, { handler: 'sweep' }), ['t2', 't4']);
      assertSame(await ask(store, { handler: 'swee' }), []);
      assertSame(await ask(store, { handler: 'mail' }), []);
      assertSame(await ask(store, { executor: 'threads' }), ['T5', 't2']);
      assertSame(await ask(store, { trigger: 'cron' }), ['t1', 't3']);
      assertSame(await ask(store, { tag: 'erp' }), ['t1', 't2']);
      assertSame(await ask(store, { tag: 'night' }), ['t1', 't4']);
      assertSame(await ask(store, { tag: 'er' }), []);
      assertSame(await ask(store, { tag: 'night,erp' }), []);
    },

    'finds text in id, name, handler, trigger and executor, whatever its case, and takes no character for a wildcard':
      async (bench) => {
        const store = await bench.open();
        await fill(store);
        assertSame(await ask(store, { q: 't5' }), ['T5']);
        assertSame(await ask(store, { q: 'ALPHA' }), ['t2']);
        assertSame(await ask(store, { q: 'reports.' }), ['t1', 't3']);
        assertSame(await ask(store, { q: ' Cron ' }), ['t1', 't3']);
        assertSame(await ask(store, { q: 'thread' }), ['T5', 't2']);
        assertSame(await ask(store, { q: '100%' }), ['t3']);
        assertSame(await ask(store, { q: '%' }), ['t3']);
        assertSame(await ask(store, { q: '_' }), ['t4']);
        assertSame(await ask(store, { q: '[x].*' }), ['T5']);
        assertSame(await ask(store, { q: '.*' }), ['T5']);
        assertSame(await ask(store, { q: "'; --" }), []);
        assertSame(await ask(store, { q: '\\' }), []);
      },

    'meets all conditions of a filter together': async (bench) => {
      const store = await bench.open();
      await fill(store);
      const filter = { trigger: 'cron', tag: 'erp', executor: 'default', q: 'report', state: 'scheduled' } as const;
      assertSame(await ask(store, filter), ['t1']);
      assertSame(await ask(store, { ...filter, state: 'paused' }), []);
      assertSame(await ask(store, { handler: 'sweep', tag: 'night' }), ['t4']);
    },

    'sorts by every key in both directions, ties by id': async (bench) => {
      const store = await bench.open();
      await fill(store);
      const expected: [TaskSort['by'], string[]][] = [
        ['id', ['T5', 't1', 't2', 't3', 't4']],
        ['name', ['t2', 't1', 'T5', 't3', 't4']],
        ['nextRunTime', ['T5', 't2', 't1', 't3', 't4']],
        ['state', ['t4', 't3', 't2', 'T5', 't1']],
        ['executor', ['t1', 't3', 't4', 'T5', 't2']],
        ['trigger', ['t1', 't3', 'T5', 't4', 't2']],
        ['handler', ['T5', 't1', 't3', 't2', 't4']],
        ['priority', ['t3', 'T5', 't2', 't4', 't1']],
      ];
      for (const [by, ids] of expected) {
        assertSame(await ask(store, {}, { by, descending: false }), ids, by);
        assertSame(await ask(store, {}, { by, descending: true }), [...ids].reverse(), `${by} descending`);
      }
    },

    'pages, and counts what is on all pages': async (bench) => {
      const store = await bench.open();
      await store.addTasks(
        Array.from({ length: 25 }, (_, at) =>
          makeTask(`t${String(at).padStart(2, '0')}`, {
            handler: at % 5 ? 'work' : 'other',
            nextRunTime: T0 + (at % 3),
          }),
        ),
      );
      const sort: TaskSort = { by: 'nextRunTime', descending: true };
      const whole = await store.query({ handler: 'work' }, sort, { offset: 0, limit: 100 });
      assertSame([whole.tasks.length, whole.total], [20, 20]);
      const paged: string[] = [];
      for (let offset = 0; offset < 20; offset += 7) {
        const { tasks, total } = await store.query({ handler: 'work' }, sort, { offset, limit: 7 });
        assert.equal(total, 20);
        assert.ok(tasks.length <= 7);
        paged.push(...idsOf(tasks));
      }
      assertSame(paged, idsOf(whole.tasks));
      const beyond = await store.query({}, sort, { offset: 1_000, limit: 7 });
      assertSame([beyond.tasks.length, beyond.total], [0, 25]);
      const counted = await store.query({ handler: 'other' }, sort, { offset: 0, limit: 0 });
      assertSame([counted.tasks.length, counted.total], [0, 5]);
    },

    'gives tasks as a lookup does': async (bench) => {
      const store = await bench.open();
      await fill(store);
      const { tasks } = await store.query({}, BY_ID, { offset: 0, limit: 100 });
      assertSame([...tasks], await Promise.all(idsOf(tasks).map((id) => store.lookupTask(id))));
    },
  },
};
