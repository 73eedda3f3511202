import assert from 'node:assert/strict';
import { isUnreadable } from '../../model/task.js';
import type { UnreadableTask } from '../../model/task.js';
import { startTaskPages } from '../../stores/start-task.pages.js';
import type { Store } from '../../stores/store.interface.js';
import { claimDue, finishRuns } from '../store.steps.js';
import { startDue } from '../plan.fixtures.js';
import { assertRejects } from '../rejection.js';
import { assertSame } from '../same-value.js';
import { idsOf, SECRET } from '../store.bench.js';
import type { StoreBench } from '../store.bench.js';
import { makeRun, makeTask } from '../task.fixtures.js';
import type { TaskFields } from '../task.fixtures.js';
import type { ContractSection, ContractTest } from './contract.section.js';
import { writeRuns } from './history.contract.js';

const OTHER_SECRET = 'another secret of enough bytes';
const BY_ID = { by: 'id', descending: false } as const;
const PAGE = { offset: 0, limit: 100 };

/** Makes the record of `bad` unreadable; gives a store that sees it so, and what heals it. */
type Spoil = (bench: StoreBench, store: Store) => Promise<{ store: Store; heal: () => Promise<Store> }>;

function badTask(now: number, fields: TaskFields = {}) {
  return makeTask('bad', { nextRunTime: now - 1_000, args: ['secret'], policies: { priority: -9 }, ...fields });
}

/** Adds `bad`, the first of all by any order, and `good`, both due. */
async function fill(store: Store, fields: TaskFields = {}): Promise<number> {
  const now = await store.now();
  await store.addTasks([badTask(now, fields), makeTask('good', { nextRunTime: now - 10, args: ['fine'], ...fields })]);
  return now;
}

async function expectUnreadable(store: Store): Promise<void> {
  const stored = await store.lookupTask('bad');
  assert.ok(stored && isUnreadable(stored), 'the damaged record is not told of as unreadable');
  assert.equal(stored.id, 'bad');
  assert.ok(stored.message.length > 0);
}

function testsWith(spoil: Spoil): Record<string, ContractTest> {
  const spoilt = async (bench: StoreBench, fields: TaskFields = {}) => {
    const first = await bench.open();
    const now = await fill(first, fields);
    return { now, ...(await spoil(bench, first)) };
  };
  return {
    'lists it with its reason, and reports it': async (bench) => {
      const { store } = await spoilt(bench);
      await expectUnreadable(store);
      const { tasks, total } = await store.query({ state: 'unreadable' }, BY_ID, PAGE);
      assertSame(idsOf(tasks), ['bad']);
      assert.equal(total, 1);
      assert.ok(isUnreadable(tasks[0]!));
      assertSame(idsOf((await store.query({ state: 'scheduled' }, BY_ID, PAGE)).tasks), ['good']);
      assertSame(idsOf((await store.query({}, BY_ID, PAGE)).tasks), ['bad', 'good']);
      assertSame(idsOf(await store.getAllTasks()), ['good', 'bad']);
      assertSame([...new Set(idsOf(bench.reported))], ['bad']);
    },

    'never counts it due and does not let it hold up others': async (bench) => {
      const { store, now } = await spoilt(bench);
      assertSame(idsOf(await store.getDueTasks(now)), ['good']);
      assert.equal(await store.getNextRunTime(), now - 10);
      assert.equal(await store.nextDueFor({ handlers: ['work'] }), now - 10);
      const request = { limit: 1, handlers: ['work'], owner: 'x', leaseMs: 600_000 };
      const first = await claimDue(store, request, startDue('x', 600_000));
      assertSame(idsOf(first.claimed), ['good']);
      const second = await claimDue(store, { ...request, handlers: null }, startDue('x', 600_000));
      assertSame(idsOf(second.claimed), []);
      assert.equal(await second.nextDue(), first.storeNow + 600_000);
      await expectUnreadable(store);
    },

    'is not found among the tasks of a start, and hides none of those behind it': async (bench) => {
      const { store } = await spoilt(bench, { origin: 'code' });
      const found: string[] = [];
      for await (const tasks of startTaskPages(store, 'declared', 1)) found.push(...idsOf(tasks));
      assertSame(found, ['good']);
      await expectUnreadable(store);
    },

    'is not taken, and stays as it is': async (bench) => {
      const { store, now, heal } = await spoilt(bench);
      const take = { limit: 1, handlers: null, owner: 'x', leaseMs: 600_000 };
      const taken = async (one: Store) => {
        const answer = await one.exchange({ take });
        return idsOf(answer.taken!.tasks.map(({ task }) => task));
      };
      assertSame(await taken(store), ['good']);
      assertSame(await taken(store), []);
      await expectUnreadable(store);
      assertSame(await (await heal()).lookupTask('bad'), badTask(now));
    },

    'tells of it instead of changing it': async (bench) => {
      const { store } = await spoilt(bench);
      let asked = 0;
      const { committed, missing, unreadable } = await store.transact({ ids: ['bad', 'good', 'none'] }, (task) => {
        asked += task.id === 'bad' ? 1 : 0;
        return { task, history: [], value: null };
      });
      assertSame(idsOf(committed), ['good']);
      assertSame([...missing], ['none']);
      assertSame(idsOf(unreadable), ['bad']);
      assert.equal(asked, 0);
      const result = { taskId: 'bad', runId: 'bad@1', token: 1, record: null, retryAt: null };
      const { settled } = await finishRuns(store, [result]);
      assertSame([...settled], []);
      await expectUnreadable(store);
    },

    'is not replaced by an update': async (bench) => {
      const { store, heal, now } = await spoilt(bench);
      const changed = { ...makeTask('bad', { name: 'replaced' }), version: 2 };
      await assertRejects(() => store.updateTask(changed, 1), 'ASYNCZ_TASK_UNREADABLE');
      await expectUnreadable(store);
      const healed = await heal();
      assertSame(await healed.lookupTask('bad'), badTask(now));
      await healed.updateTask(changed, 1);
      assertSame(await healed.lookupTask('bad'), changed);
    },

    'takes its id as taken': async (bench) => {
      const { store } = await spoilt(bench);
      await assertRejects(() => store.addTask(makeTask('bad')), 'ASYNCZ_TASK_CONFLICT');
      assertSame([...(await store.addTasks([makeTask('bad'), makeTask('new')]))], ['bad']);
      await expectUnreadable(store);
    },

    'is a task again, unchanged, when the cause is gone': async (bench) => {
      const { store, now, heal } = await spoilt(bench);
      await expectUnreadable(store);
      await store.getAllTasks();
      await store.getDueTasks(now);
      const healed = await heal();
      assertSame(await healed.lookupTask('bad'), badTask(now));
      assertSame(idsOf(await healed.getDueTasks(now)), ['bad', 'good']);
      assert.equal(await healed.getNextRunTime(), now - 1_000);
      assert.equal((await healed.query({ state: 'unreadable' }, BY_ID, PAGE)).total, 0);
      const request = { limit: 1, handlers: ['work'], owner: 'x', leaseMs: 600_000 };
      assertSame(idsOf((await claimDue(healed, request, startDue('x', 600_000))).claimed), ['bad']);
    },

    'can be deleted, and its id used again': async (bench) => {
      const { store, now } = await spoilt(bench);
      assert.equal(await store.deleteTask('bad'), true);
      assert.equal(await store.lookupTask('bad'), null);
      await store.addTask(makeTask('bad', { nextRunTime: now - 1 }));
      assertSame(idsOf(await store.getDueTasks(now)), ['good', 'bad']);
      assert.equal((await store.query({ state: 'unreadable' }, BY_ID, PAGE)).total, 0);
    },

    'goes when all tasks are removed': async (bench) => {
      const { store } = await spoilt(bench);
      assert.equal(await store.removeAllTasks(), 2);
      assert.equal(await store.lookupTask('bad'), null);
    },
  };
}

/** By the hook of the options, which damages what is stored while the store is open. */
const damaged: Spoil = async (bench, store) => {
  const repair = await bench.options.damage!({ ...bench.request, id: 'bad' });
  return {
    store,
    heal: async () => {
      await repair();
      return store;
    },
  };
};

export const DAMAGED: ContractSection = {
  title: 'a damaged record',
  tests: testsWith(damaged),
  applies: ({ damage }) => damage !== undefined,
};

/** By a limit that somebody else did not keep to. */
export const TOO_LARGE: ContractSection = {
  title: 'a record that is larger than what is read',
  tests: {
    "is unreadable, in nobody's way, and stays as it is": async (bench) => {
      const large = 'x'.repeat(20_000);
      const first = await bench.open();
      if (!first.capabilities.durable) return;
      const now = await first.now();
      const bad = makeTask('bad', { nextRunTime: now - 1_000, args: [large] });
      await first.addTasks([bad, makeTask('good', { nextRunTime: now - 10 })]);
      await writeRuns(first, [makeRun('r', { result: large })]);
      await bench.shutdown(first);
      const limited = await bench.open({ maxPayloadBytes: 10_000, maxRecordBytes: 10_000 });
      assert.equal(((await limited.lookupTask('bad')) as UnreadableTask | null)?.unreadable, 'too-large');
      await expectUnreadable(limited);
      assertSame(idsOf((await limited.query({ state: 'unreadable' }, BY_ID, PAGE)).tasks), ['bad']);
      assertSame([...new Set(idsOf(bench.reported))], ['bad']);
      assertSame(idsOf(await limited.getDueTasks(now)), ['good']);
      const request = { limit: 9, handlers: null, owner: 'x', leaseMs: 600_000 };
      assertSame(idsOf((await claimDue(limited, request, startDue('x', 600_000))).claimed), ['good']);
      if (bench.options.keepsHistory !== false) {
        const [run] = (await limited.runs({ runId: 'r' }, { limit: 5 })).runs;
        assert.equal(run?.error?.code, 'ASYNCZ_OUTCOME_UNREADABLE');
      }
      await bench.shutdown(limited);
      const again = await bench.open();
      assertSame(await again.lookupTask('bad'), bad);
      if (bench.options.keepsHistory === false) return;
      const [kept] = (await again.runs({ runId: 'r' }, { limit: 5 })).runs;
      assert.equal(kept?.result, large);
    },
  },
};

/** By a key that is missing: a record that another scheduler wrote with a key that this one does not have. */
export const WRONG_KEY: ContractSection = {
  title: 'records of another key',
  tests: {
    "are unreadable, in nobody's way, and readable again with their key": async (bench) => {
      const first = await bench.open();
      if (!first.capabilities.durable) return;
      const now = await fill(first);
      await bench.shutdown(first);
      const other = await bench.open({ secret: OTHER_SECRET });
      await other.addTask(makeTask('other', { nextRunTime: now - 5 }));
      await expectUnreadable(other);
      assertSame(idsOf((await other.query({ state: 'unreadable' }, BY_ID, PAGE)).tasks), ['bad', 'good']);
      assertSame(idsOf(await other.getDueTasks(now)), ['other']);
      assert.equal(await other.getNextRunTime(), now - 5);
      const request = { limit: 9, handlers: null, owner: 'x', leaseMs: 600_000 };
      assertSame(idsOf((await claimDue(other, request, startDue('x', 600_000))).claimed), ['other']);
      assert.equal(await other.deleteTask('good'), true);
      await bench.shutdown(other);
      const again = await bench.open();
      const { definition } = await bench.task(again, 'bad');
      assertSame([...definition.args], ['secret']);
      assertSame(idsOf((await again.query({ state: 'unreadable' }, BY_ID, PAGE)).tasks), ['other']);
      assertSame(idsOf(await again.getDueTasks(now)), ['bad']);
    },
  },
  applies: (_, encrypted) => encrypted,
};

export const ROTATION: ContractSection = {
  title: 'another key that writes',
  tests: {
    'writes a definition that was made anew under it, and a state beside it': async (bench) => {
      const first = await bench.open();
      if (!first.capabilities.durable) return;
      const now = await fill(first);
      await writeRuns(first, [makeRun('r', { result: 'kept' })]);
      await bench.shutdown(first);
      const both = await bench.open({ secret: [OTHER_SECRET, SECRET] });
      assertSame([...(await bench.task(both, 'bad')).definition.args], ['secret']);
      await both.transact({ ids: ['bad', 'good'] }, (task) => ({
        task: { ...task, definition: { ...task.definition } },
        history: [],
        value: null,
      }));
      await both.saveRuns((await both.runs({}, { limit: 5 })).runs);
      await bench.shutdown(both);
      const after = await bench.open({ secret: OTHER_SECRET });
      for (const [id, argument] of [
        ['bad', 'secret'],
        ['good', 'fine'],
      ] as const) {
        assertSame([...(await bench.task(after, id)).definition.args], [argument]);
      }
      assertSame(idsOf(await after.getDueTasks(now)), ['bad', 'good']);
      if (bench.options.keepsHistory === false) return;
      const { runs } = await after.runs({ runId: 'r' }, { limit: 5 });
      assertSame(
        runs.map(({ result }) => result),
        ['kept'],
      );
    },
  },
  applies: (_, encrypted) => encrypted,
};
