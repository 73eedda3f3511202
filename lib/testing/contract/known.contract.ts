import assert from 'node:assert/strict';
import { standOf } from '../../model/change.js';
import type { KnownChange } from '../../model/change.js';
import type { TaskRecord, TaskState } from '../../model/task.js';
import type { Written } from '../../stores/exchange.interface.js';
import type { Store } from '../../stores/store.interface.js';
import { resultOf, startDue } from '../plan.fixtures.js';
import { assertSame } from '../same-value.js';
import type { StoreBench } from '../store.bench.js';
import { claimDue, finishRuns } from '../store.steps.js';
import { makeRun, makeTask } from '../task.fixtures.js';
import type { ContractSection } from './contract.section.js';

const LEASE_MS = 600_000;

/** A change of the state of a task that was read. */
function known(from: TaskRecord, state: Partial<TaskState>): KnownChange {
  return { from: standOf(from), task: { ...from, state: { ...from.state, ...state } } };
}

/** Adds tasks and reads them. */
async function added(bench: StoreBench, store: Store, ...ids: string[]): Promise<TaskRecord[]> {
  await store.addTasks(ids.map((id) => makeTask(id, { args: [id], state: { lastToken: 7 } })));
  return Promise.all(ids.map((id) => bench.task(store, id)));
}

/** Writes known changes. */
async function write(store: Store, changes: readonly KnownChange[]): Promise<Written> {
  const { written, taken } = await store.exchange({ write: changes });
  assert.equal(taken, null);
  return written;
}

const NOTHING = { lost: [], failed: [] };

/** Lists as plain arrays, for comparing. */
function lists({ lost, failed }: Written) {
  return { lost: [...lost].sort(), failed: failed.map(({ id }) => id) };
}

export const KNOWN: ContractSection = {
  title: 'changes that are known',
  tests: {
    'are written when the task is as it was: the version counts up, and the history has the ended runs': async (
      bench,
    ) => {
      const store = await bench.open();
      const now = await store.now();
      const [a, b] = await added(bench, store, 'a', 'b');
      const run = makeRun('a@1', { taskId: 'a' });
      const changes = [
        { ...known(a!, { nextRunTime: now + 60_000 }), history: [run] },
        { from: standOf(b!), task: null, history: [] },
      ];
      assertSame(lists(await write(store, changes)), NOTHING);
      assertSame(await store.lookupTask('a'), { ...changes[0]!.task!, version: 2 });
      assert.equal(await store.lookupTask('b'), null);
      assert.equal(await store.getNextRunTime(), now + 60_000);
      assertSame([...(await store.runs({}, { limit: 5 })).runs], [run]);
      assertSame(lists(await write(store, [])), NOTHING);
    },

    'are lost where the task was to be removed, and somebody else has ended its run and removed it': async (bench) => {
      const store = await bench.open();
      const other = await bench.other(store);
      const [a, b] = await added(bench, store, 'a', 'b');
      const lost = makeRun('a@1', { taskId: 'a', status: 'lost' });
      await store.saveRuns([lost]);
      await other.deleteTask('a');
      const removed = (task: TaskRecord) => ({
        from: standOf(task),
        task: null,
        history: [makeRun(`${task.id}@1`, { taskId: task.id })],
      });
      assertSame(lists(await write(store, [removed(a!), removed(b!)])), { lost: ['a'], failed: [] });
      const { runs } = await store.runs({}, { limit: 9 });
      assertSame(runs.map(({ id, status }) => `${id} ${status}`).sort(), ['a@1 lost', 'b@1 succeeded']);
    },

    'follow each other without reading': async (bench) => {
      const store = await bench.open();
      let [task] = await added(bench, store, 'a');
      for (let count = 1; count <= 3; count += 1) {
        const change = known(task!, { scheduledCount: count });
        assertSame(lists(await write(store, [change])), NOTHING);
        task = { ...change.task!, version: task!.version + 1 };
        assertSame(await store.lookupTask('a'), task);
      }
    },

    'are lost where another scheduler was faster, and named, while others are written': async (bench) => {
      const store = await bench.open();
      const other = await bench.other(store);
      const [a, b, c, gone] = await added(bench, store, 'a', 'b', 'c', 'gone');
      await other.transact({ ids: ['a', 'b'] }, (task) => ({
        task: { ...task, state: { ...task.state, failuresInARow: 3 } },
        value: null,
      }));
      await other.deleteTask('gone');
      const run = (taskId: string) => makeRun(`${taskId}@1`, { taskId });
      const result = await write(store, [
        { ...known(a!, { failuresInARow: 9 }), history: [run('a')] },
        { from: standOf(b!), task: null, history: [run('b')] },
        { ...known(c!, { failuresInARow: 9 }), history: [run('c')] },
        { ...known(gone!, { failuresInARow: 9 }), history: [run('gone')] },
      ]);
      assertSame(lists(result), { lost: ['a', 'b', 'gone'], failed: [] });
      assert.equal((await bench.task(store, 'a')).state.failuresInARow, 3);
      assert.equal((await bench.task(store, 'b')).version, 2);
      assert.equal((await bench.task(store, 'c')).state.failuresInARow, 9);
      assertSame([...(await store.runs({}, { limit: 9 })).runs], [run('c')]);
    },

    'are lost where the task is another one of the same id and version': async (bench) => {
      const store = await bench.open();
      const other = await bench.other(store);
      const [a] = await added(bench, store, 'a');
      await other.deleteTask('a');
      const again = makeTask('a', { args: ['again'], state: { lastToken: 8 } });
      await other.addTask(again);
      assertSame(lists(await write(store, [known(a!, { failuresInARow: 9 })])), { lost: ['a'], failed: [] });
      assertSame(await store.lookupTask('a'), again);
    },

    'keep the definition, or change it where it is another object': async (bench) => {
      const store = await bench.open();
      const [a, b] = await added(bench, store, 'a', 'b');
      const edited = { ...b!.definition, handler: 'edited', args: [{ two: 2 }], tags: ['t'] };
      await write(store, [
        known(a!, { failuresInARow: 1 }),
        { from: standOf(b!), task: { ...b!, definition: edited, state: { ...b!.state, failuresInARow: 1 } } },
      ]);
      assertSame((await bench.task(store, 'a')).definition, a!.definition);
      assertSame((await bench.task(store, 'b')).definition, edited);
      const { tasks } = await store.query(
        { handler: 'edited' },
        { by: 'id', descending: false },
        { offset: 0, limit: 5 },
      );
      assertSame(
        tasks.map(({ id }) => id),
        ['b'],
      );
    },

    'end a run as a decision about it does': async (bench) => {
      const store = await bench.open();
      const now = await store.now();
      await store.addTasks(['read', 'known'].map((id) => makeTask(id, { nextRunTime: now - 1 })));
      const plan = startDue('owner-1', LEASE_MS, () => now + 60_000);
      const { claimed } = await claimDue(store, { limit: 5, handlers: null }, plan);
      const tasks = claimed.map(({ task }) => task!);
      const ends = tasks.map((task) => resultOf(task, task.state.live[0]!, 'failed'));
      const isKnown = ({ taskId }: { readonly taskId: string }) => taskId === 'known';
      await finishRuns(store, ends.filter(isKnown), tasks);
      await finishRuns(
        store,
        ends.filter((end) => !isKnown(end)),
      );
      const [one, two] = await Promise.all(
        ['read', 'known'].map(async (id) => {
          const { state, version } = await bench.task(store, id);
          return {
            version,
            state: { ...state, updatedAt: 0, lastRun: { ...state.lastRun!, id: '', endedAt: 0, startedAt: 0 } },
          };
        }),
      );
      assertSame(two, one);
      assert.equal((await store.runs({}, { limit: 5 })).runs.length, 2);
    },

    'are decided on again where they are lost: the end of a run counts, and so does what came in between': async (
      bench,
    ) => {
      const store = await bench.open();
      const other = await bench.other(store);
      const now = await store.now();
      await store.addTask(makeTask('a', { nextRunTime: now - 1 }));
      const plan = startDue('owner-1', LEASE_MS, () => now + 60_000);
      const { claimed } = await claimDue(store, { limit: 5, handlers: null }, plan);
      const task = claimed[0]!.task!;
      const pause = { at: now, reason: 'elsewhere', actor: null };
      await other.transact({ ids: ['a'] }, (one) => ({
        task: { ...one, state: { ...one.state, pause } },
        value: null,
      }));
      const { settled, refused } = await finishRuns(store, [resultOf(task, task.state.live[0]!, 'succeeded')], [task]);
      assert.equal(settled.length, 1);
      assertSame([...refused], []);
      const { state } = await bench.task(store, 'a');
      assertSame([...state.live], []);
      assertSame(state.pause, pause);
    },

    'are written for one of two schedulers that know the same': async (bench) => {
      const store = await bench.open();
      const other = await bench.other(store);
      await added(bench, store, 'a');
      const ids = ['a'];
      for (let round = 1; round <= 20; round += 1) {
        const task = await bench.task(store, 'a');
        const change = known(task, { scheduledCount: round });
        const answers = await Promise.all([write(store, [change]), write(other, [change])]);
        assertSame(
          answers.flatMap(({ lost }) => lost),
          ids,
          `round ${round}`,
        );
        assert.equal((await bench.task(store, 'a')).version, round + 1);
      }
    },
  },
};
