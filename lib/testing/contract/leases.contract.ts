import assert from 'node:assert/strict';
import type { LiveRun } from '../../model/run.js';
import type { Store } from '../../stores/store.interface.js';
import { claimDue, finishRuns, renewLeases } from '../store.steps.js';
import { resultOf, startDue } from '../plan.fixtures.js';
import { assertSame } from '../same-value.js';
import { idsOf } from '../store.bench.js';
import type { StoreBench } from '../store.bench.js';
import { makeTask } from '../task.fixtures.js';
import type { ContractSection } from './contract.section.js';

/** Starts every due run of the handler `work`. */
export async function claim(store: Store, owner: string, leaseMs: number): Promise<readonly string[]> {
  const { claimed } = await claimDue(store, { limit: 100, handlers: ['work'] }, startDue(owner, leaseMs));
  return idsOf(claimed);
}

/** The one live run of a task. */
async function liveRun(bench: StoreBench, store: Store, id: string): Promise<LiveRun> {
  const { live } = (await bench.task(store, id)).state;
  assert.equal(live.length, 1, `${id} has ${live.length} live runs`);
  return live[0]!;
}

export const LEASES: ContractSection = {
  title: 'leases',
  tests: {
    'lets another scheduler take over when a lease ran out, and not before': async (bench) => {
      const store = await bench.open();
      const other = await bench.other(store);
      await store.addTask(makeTask('a', { nextRunTime: (await store.now()) - 1 }));
      assertSame(await claim(store, 'dead', bench.shortLeaseMs), ['a']);
      const first = await liveRun(bench, store, 'a');
      assert.equal(await other.getNextRunTime(), first.leaseUntil);
      let takenAt = 0;
      await bench.until(async () => {
        const taken = await claim(other, 'heir', bench.longLeaseMs);
        takenAt = await other.now();
        return taken.length > 0;
      }, 'the lease of a dead scheduler to run out');
      assert.ok(takenAt >= first.leaseUntil!, 'the lease was broken');
      const second = await liveRun(bench, other, 'a');
      assert.equal(second.id, first.id);
      assert.equal(second.owner, 'heir');
      assert.equal(second.attempt, first.attempt + 1);
      assert.ok(second.token > first.token, 'the fencing token did not grow');
      const { runs } = await other.runs({ taskId: 'a' }, { limit: 5 });
      assertSame(
        runs.map(({ status, owner, token }) => ({ status, owner, token })),
        [{ status: 'lost', owner: 'dead', token: first.token }],
      );
    },

    'gives the runs of a dead scheduler to one of two': async (bench) => {
      const store = await bench.open();
      const other = await bench.other(store);
      const now = await store.now();
      const ids = Array.from({ length: 20 }, (_, at) => `t${at}`);
      await store.addTasks(ids.map((id) => makeTask(id, { nextRunTime: now - 1 })));
      assert.equal((await claim(store, 'dead', bench.shortLeaseMs)).length, 20);
      const taken: string[] = [];
      await bench.until(async () => {
        const both = await Promise.all([claim(store, 'heir-1', 600_000), claim(other, 'heir-2', 600_000)]);
        taken.push(...both.flat());
        return taken.length >= ids.length;
      }, 'the leases of a dead scheduler to run out');
      assertSame(taken.sort(), [...ids].sort());
    },

    'prolongs a lease to now plus its length': async (bench) => {
      const store = await bench.open();
      const other = await bench.other(store);
      await store.addTask(makeTask('a', { nextRunTime: (await store.now()) - 1 }));
      await claim(store, 'owner-1', bench.shortLeaseMs);
      const { id: runId, token, leaseUntil } = await liveRun(bench, store, 'a');
      const before = await store.now();
      const renewed = await renewLeases(store, [{ taskId: 'a', runId, token }], bench.longLeaseMs);
      const after = await store.now();
      assertSame({ lost: [...renewed.lost], cancelled: [...renewed.cancelled] }, { lost: [], cancelled: [] });
      const run = await liveRun(bench, other, 'a');
      assert.ok(run.leaseUntil! >= before + bench.longLeaseMs && run.leaseUntil! <= after + bench.longLeaseMs);
      assert.equal(await other.getNextRunTime(), run.leaseUntil);
      await bench.passed(other, leaseUntil!);
      assertSame(await claim(other, 'owner-2', bench.longLeaseMs), []);
    },

    'prolongs many at once and names the lost ones': async (bench) => {
      const store = await bench.open();
      const now = await store.now();
      const ids = ['a', 'b', 'c', 'gone', 'idle'];
      await store.addTasks(ids.map((id) => makeTask(id, { nextRunTime: id === 'idle' ? now + 600_000 : now - 1 })));
      await claim(store, 'owner-1', bench.longLeaseMs);
      const refs = await Promise.all(
        ['a', 'b', 'c', 'gone'].map(async (taskId) => {
          const { id: runId, token } = await liveRun(bench, store, taskId);
          return { taskId, runId, token };
        }),
      );
      await store.deleteTask('gone');
      const stale = { ...refs[1]!, token: refs[1]!.token - 1 };
      const other = { ...refs[2]!, runId: 'another run' };
      const idle = { taskId: 'idle', runId: 'idle@1', token: 1 };
      const unknown = { taskId: 'never', runId: 'never@1', token: 1 };
      const before = await store.now();
      const { lost } = await renewLeases(store, [refs[0]!, stale, other, refs[3]!, idle, unknown], 900_000);
      const names = (all: Iterable<{ taskId: string }>) => [...all].map(({ taskId }) => taskId).sort();
      assertSame(names(lost), ['b', 'c', 'gone', 'idle', 'never']);
      assert.ok((await liveRun(bench, store, 'a')).leaseUntil! >= before + 900_000);
      assert.ok((await liveRun(bench, store, 'b')).leaseUntil! < before + 900_000);
      assertSame([...(await renewLeases(store, [], 900_000)).lost], []);
    },

    'does not prolong the lease of whoever was succeeded': async (bench) => {
      const store = await bench.open();
      const other = await bench.other(store);
      await store.addTask(makeTask('a', { nextRunTime: (await store.now()) - 1 }));
      await claim(store, 'frozen', bench.shortLeaseMs);
      const { id: runId, token } = await liveRun(bench, store, 'a');
      await bench.until(
        async () => (await claim(other, 'heir', bench.longLeaseMs)).length > 0,
        'the lease of a frozen scheduler to run out',
      );
      const heir = await liveRun(bench, other, 'a');
      const { lost } = await renewLeases(store, [{ taskId: 'a', runId, token }], 900_000);
      assertSame([...lost], [{ taskId: 'a', runId, token }]);
      assertSame(await liveRun(bench, store, 'a'), heir);
    },

    'tells the owner that somebody asked to abort a run': async (bench) => {
      const store = await bench.open();
      const other = await bench.other(store);
      const now = await store.now();
      await store.addTasks(['a', 'b'].map((id) => makeTask(id, { nextRunTime: now - 1 })));
      await claim(store, 'owner-1', bench.longLeaseMs);
      const cancel = { at: now, actor: 'ops', reason: 'too long' };
      await other.transact({ ids: ['a'] }, (task) => ({
        task: { ...task, state: { ...task.state, live: task.state.live.map((run) => ({ ...run, cancel })) } },
        history: [],
        value: null,
      }));
      const refs = await Promise.all(
        ['a', 'b'].map(async (taskId) => {
          const { id: runId, token } = await liveRun(bench, store, taskId);
          return { taskId, runId, token };
        }),
      );
      const { lost, cancelled } = await renewLeases(store, refs, bench.longLeaseMs);
      assertSame([...lost], []);
      assertSame([...cancelled], [{ ...refs[0]!, request: cancel }]);
      assertSame((await liveRun(bench, other, 'a')).cancel, cancel);
    },

    'refuses the result of whoever was succeeded, and names it': async (bench) => {
      const store = await bench.open();
      const other = await bench.other(store);
      await store.addTask(makeTask('a', { nextRunTime: (await store.now()) - 1 }));
      await claim(store, 'frozen', bench.shortLeaseMs);
      const frozen = await liveRun(bench, store, 'a');
      const task = await bench.task(store, 'a');
      await bench.until(
        async () => (await claim(other, 'heir', bench.longLeaseMs)).length > 0,
        'the lease of a frozen scheduler to run out',
      );
      const heir = await bench.task(other, 'a');
      const late = await finishRuns(store, [resultOf(task, frozen, 'succeeded')]);
      assertSame([...late.settled], []);
      assertSame([...late.refused], [{ taskId: 'a', runId: frozen.id, token: frozen.token }]);
      assertSame(await store.lookupTask('a'), heir);
      assert.equal((await store.runs({ status: 'succeeded' }, { limit: 5 })).runs.length, 0);
      const { settled, refused } = await finishRuns(other, [resultOf(heir, heir.state.live[0]!, 'succeeded')]);
      assert.equal(settled.length, 1);
      assertSame([...refused], []);
      assert.equal(await other.lookupTask('a'), null);
    },
  },
};
