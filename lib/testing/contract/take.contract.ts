import assert from 'node:assert/strict';
import { standUnder } from '../../model/change.js';
import type { KnownChange, TakenTask } from '../../model/change.js';
import { joined, perDueKey } from '../due-key.fixtures.js';
import type { TaskLease, TaskRecord } from '../../model/task.js';
import type { Taken, TakeRequest } from '../../stores/exchange.interface.js';
import type { Store } from '../../stores/store.interface.js';
import { assertSame } from '../same-value.js';
import { idsOf } from '../store.bench.js';
import type { StoreBench } from '../store.bench.js';
import { makeTask } from '../task.fixtures.js';
import type { ContractSection } from './contract.section.js';

/** Takes due tasks. */
async function take(store: Store, leaseMs: number, request: Partial<TakeRequest> = {}): Promise<Taken> {
  const { taken, written } = await store.exchange({
    take: { handlers: null, limit: 100, owner: 'owner-1', leaseMs, ...request },
  });
  assertSame({ ...written }, { lost: [], failed: [] });
  assert.ok(taken, 'there is no answer about what was taken');
  return taken;
}

const idsTaken = ({ tasks }: Taken) => idsOf(tasks.map(({ task }) => task));

/** Adds tasks that are due, and reads them. */
async function due(bench: StoreBench, store: Store, ...ids: string[]): Promise<TaskRecord[]> {
  const nextRunTime = (await store.now()) - 1;
  await store.addTasks(ids.map((id) => makeTask(id, { nextRunTime, args: [id] })));
  return Promise.all(ids.map((id) => bench.task(store, id)));
}

/** What gives a task back that was taken. */
function givenBack(taken: TakenTask): KnownChange {
  const { state, ...task } = taken.task;
  return { from: standUnder(taken), task: { ...task, state: { ...state, lease: null, lastToken: taken.lease.token } } };
}

/** A task that was taken as it is stored. */
function stored({ task, lease }: TakenTask): TaskRecord {
  return { ...task, version: task.version + 1, state: { ...task.state, lease, lastToken: lease.token } };
}

/** Waits until the leases of a dead scheduler have expired, and takes what was under them. */
async function takeOver(bench: StoreBench, store: Store): Promise<Taken> {
  return bench.until(async () => {
    const taken = await take(store, bench.longLeaseMs, { owner: 'heir' });
    return taken.tasks.length > 0 ? taken : null;
  }, 'the lease of a dead scheduler to expire');
}

export const TAKE: ContractSection = {
  title: 'taking due tasks',
  tests: {
    'puts a task under a lease, and gives it back else as it was': async (bench) => {
      const store = await bench.open();
      const [a] = await due(bench, store, 'a');
      await store.addTask(makeTask('later', { nextRunTime: (await store.now()) + 600_000 }));
      const from = await store.now();
      const { tasks, storeNow } = await take(store, bench.longLeaseMs);
      assert.ok(from <= storeNow && storeNow <= (await store.now()), 'it is not the time of the store');
      assert.equal(tasks.length, 1);
      assertSame(tasks[0]!.task, a!);
      const token = Math.max(storeNow, a!.state.lastToken + 1);
      const until = storeNow + bench.longLeaseMs;
      const lease: TaskLease = { owner: 'owner-1', token, at: storeNow, attempt: 1, until };
      assertSame(tasks[0]!.lease, lease);
      assertSame(await store.lookupTask('a'), stored(tasks[0]!));
      assert.equal(
        await store.getNextRunTime(),
        Math.min(lease.until, (await bench.task(store, 'later')).state.nextRunTime!),
      );
    },

    'counts a task that was taken as running': async (bench) => {
      const store = await bench.open();
      await due(bench, store, 'a', 'b');
      await take(store, bench.longLeaseMs, { limit: 1 });
      const byId = { by: 'id', descending: false } as const;
      const ids = async (state: 'running' | 'scheduled') =>
        idsOf((await store.query({ state }, byId, { offset: 0, limit: 9 })).tasks);
      assertSame(await ids('running'), ['a']);
      assertSame(await ids('scheduled'), ['b']);
    },

    'takes by priority, or by age, and no more than asked for': async (bench) => {
      const store = await bench.open();
      const now = await store.now();
      const task = (id: string, priority: number, ago: number) =>
        makeTask(id, { nextRunTime: now - ago, policies: { priority } });
      const tasks = [task('old', 2, 9), task('b', 1, 5), task('a', 1, 5), task('first', 0, 1), task('last', 3, 1)];
      await store.addTasks(tasks);
      assertSame(idsTaken(await take(store, bench.longLeaseMs, { limit: 0 })), []);
      assertSame(idsTaken(await take(store, bench.longLeaseMs, { limit: 2 })), ['first', 'a']);
      assertSame(idsTaken(await take(store, bench.longLeaseMs, { limit: 2, order: 'age' })), ['old', 'b']);
      assertSame(idsTaken(await take(store, bench.longLeaseMs, { order: 'age' })), ['last']);
    },

    'takes what its handlers can run': async (bench) => {
      const store = await bench.open();
      const nextRunTime = (await store.now()) - 1;
      await store.addTasks(['a', 'b', 'c'].map((handler) => makeTask(handler, { handler, nextRunTime })));
      assertSame(idsTaken(await take(store, bench.longLeaseMs, { handlers: [] })), []);
      assertSame(idsTaken(await take(store, bench.longLeaseMs, { handlers: ['b', 'none'] })), ['b']);
      assertSame(idsTaken(await take(store, bench.longLeaseMs)), ['a', 'c']);
    },

    ...perDueKey(
      (key) => `leaves tasks out by their ${key}`,
      ({ key, value, leftOut, alike }) =>
        async (bench: StoreBench) => {
          const store = await bench.open();
          const nextRunTime = (await store.now()) - 1;
          const task = (id: string, fields: object) => makeTask(id, joined({ nextRunTime }, fields));
          await store.addTasks([task('out', leftOut), task('alike', alike), task('plain', {})]);
          const except = { [key]: [value] };
          assertSame(idsTaken(await take(store, bench.longLeaseMs, { except })), ['alike', 'plain']);
          assertSame(idsTaken(await take(store, bench.longLeaseMs)), ['out']);
        },
    ),

    'takes nothing that is under a lease until it expires, and then says whose it was': async (bench) => {
      const store = await bench.open();
      const other = await bench.other(store);
      await due(bench, store, 'a');
      const first = (await take(store, bench.shortLeaseMs)).tasks[0]!.lease;
      const { tasks, storeNow } = await takeOver(bench, other);
      assert.ok(storeNow >= first.until, 'the lease was broken');
      assertSame(tasks[0]!.task.state.lease, first);
      const { lease } = tasks[0]!;
      assert.equal(lease.owner, 'heir');
      assert.equal(lease.attempt, 2);
      assert.ok(lease.token > first.token, 'the fencing token did not grow');
      assertSame(idsTaken(await take(store, bench.longLeaseMs)), []);
    },

    'gives each task to one of two schedulers': async (bench) => {
      const store = await bench.open();
      const other = await bench.other(store);
      const ids = Array.from({ length: 60 }, (_, at) => `t${at}`);
      await due(bench, store, ...ids);
      const taken: string[] = [];
      await bench.until(async () => {
        const answers = await Promise.all(
          [store, other].map((each) =>
            take(each, bench.longLeaseMs, { limit: 7, owner: each === store ? 'one' : 'two' }),
          ),
        );
        for (const answer of answers) taken.push(...idsTaken(answer));
        return taken.length >= ids.length;
      }, 'every task to be taken');
      assertSame(taken.sort(), ids.sort());
    },

    'ends with what its owner writes, which makes the task due as it then is': async (bench) => {
      const store = await bench.open();
      await due(bench, store, 'again', 'gone', 'later');
      const { tasks, storeNow } = await take(store, bench.longLeaseMs);
      const [again, gone, later] = tasks;
      const at = storeNow + 300_000;
      const moved = givenBack(later!);
      const { written } = await store.exchange({
        write: [
          givenBack(again!),
          { from: standUnder(gone!), task: null },
          { from: moved.from, task: { ...moved.task!, state: { ...moved.task!.state, nextRunTime: at } } },
        ],
      });
      assertSame({ ...written }, { lost: [], failed: [] });
      assertSame((await bench.task(store, 'again')).state.lease, null);
      const second = await take(store, bench.longLeaseMs);
      assertSame(idsTaken(second), ['again']);
      assert.ok(second.tasks[0]!.lease.token > again!.lease.token, 'the fencing token did not grow');
      assert.equal(second.tasks[0]!.lease.attempt, 1);
      assert.equal(second.tasks[0]!.task.state.lease, null);
      assert.equal(await store.getNextRunTime(), at);
    },

    'is fenced: what a scheduler writes whose lease was taken over is lost': async (bench) => {
      const store = await bench.open();
      const other = await bench.other(store);
      await due(bench, store, 'a');
      const mine = (await take(store, bench.shortLeaseMs)).tasks[0]!;
      const theirs = (await takeOver(bench, other)).tasks[0]!;
      assertSame((await store.exchange({ write: [{ from: standUnder(mine), task: null }] })).written.lost, ['a']);
      assertSame(await store.lookupTask('a'), stored(theirs));
    },

    'keeps the lease when somebody changes the task meanwhile, and what its owner writes is lost': async (bench) => {
      const store = await bench.open();
      const other = await bench.other(store);
      await due(bench, store, 'a');
      const taken = (await take(store, bench.longLeaseMs)).tasks[0]!;
      const pause = { at: 1, reason: null, actor: null };
      await other.transact({ ids: ['a'] }, (one) => ({
        task: { ...one, state: { ...one.state, pause } },
        value: null,
      }));
      assertSame((await store.exchange({ write: [givenBack(taken)] })).written.lost, ['a']);
      const { state } = await bench.task(store, 'a');
      assertSame(state.lease, taken.lease);
      assertSame(state.pause, pause);
      assertSame(idsTaken(await take(store, bench.longLeaseMs)), []);
    },

    'writes and takes in one call, the former first': async (bench) => {
      const store = await bench.open();
      await due(bench, store, 'a', 'b');
      const first = (await take(store, bench.longLeaseMs, { limit: 1 })).tasks[0]!;
      const { written, taken } = await store.exchange({
        write: [givenBack(first)],
        take: { handlers: null, limit: 9, owner: 'owner-1', leaseMs: bench.longLeaseMs },
      });
      assertSame({ ...written }, { lost: [], failed: [] });
      assertSame(idsTaken(taken!), ['a', 'b']);
    },
  },
};
