import assert from 'node:assert/strict';
import type { TaskRecord } from '../../model/task.js';
import type { Store } from '../../stores/store.interface.js';
import { claimDue, finishRuns } from '../store.steps.js';
import { resultOf, startDue } from '../plan.fixtures.js';
import { assertSame } from '../same-value.js';
import type { StoreBench } from '../store.bench.js';
import { makeLiveRun, makeTask } from '../task.fixtures.js';
import type { TaskFields } from '../task.fixtures.js';
import type { ContractSection } from './contract.section.js';

const LEASE_MS = 600_000;
const OWNER = 'owner-1';

async function claimAll(store: Store, next: number | null = null): Promise<TaskRecord[]> {
  const request = { limit: 1_000, handlers: ['work'] };
  const { claimed } = await claimDue(
    store,
    request,
    startDue(OWNER, LEASE_MS, () => next),
  );
  return claimed.map(({ task }) => task!);
}

/** Adds one task and starts its run. */
async function started(store: Store, fields: TaskFields = {}, next: number | null = null): Promise<TaskRecord> {
  await store.addTask(makeTask('a', { nextRunTime: (await store.now()) - 1, ...fields }));
  const [task] = await claimAll(store, next);
  assert.ok(task, 'the due task was not claimed');
  return task;
}

/** Starts the next run of a recurring task and ends it. */
async function runOnce(bench: StoreBench, store: Store, status: 'succeeded' | 'failed', fields = {}) {
  const now = await store.now();
  const [task] = await claimAll(store, now - 1);
  const { settled } = await finishRuns(store, [resultOf(task!, task!.state.live[0]!, status, fields)]);
  assert.equal(settled.length, 1);
  return { paused: settled[0]!.paused, task: await bench.task(store, 'a') };
}

export const FINISH: ContractSection = {
  title: 'ends of runs',
  tests: {
    'ends a run: its lease goes, the history and the last run are written': async (bench) => {
      const store = await bench.open();
      const later = (await store.now()) + 600_000;
      const task = await started(store, {}, later);
      const [run] = task.state.live;
      const result = resultOf(task, run!, 'succeeded');
      const before = await store.now();
      const { settled, refused } = await finishRuns(store, [result]);
      const stored = await bench.task(store, 'a');
      assertSame([...refused], []);
      assertSame([...settled], [{ runId: run!.id, taskId: 'a', token: run!.token, task: stored, paused: false }]);
      assertSame([...stored.state.live], []);
      assert.equal(stored.version, task.version + 1);
      assert.equal(stored.state.nextRunTime, later);
      assert.equal(stored.state.lastToken, task.state.lastToken);
      assert.ok(stored.state.updatedAt >= before);
      const { startedAt, endedAt } = result.record!;
      assertSame(stored.state.lastRun, { id: run!.id, status: 'succeeded', startedAt, endedAt });
      assertSame([...(await store.runs({}, { limit: 5 })).runs], [result.record]);
      assert.equal(await store.getNextRunTime(), later);
    },

    'removes a one-shot task with its last run, and not before': async (bench) => {
      const store = await bench.open();
      const task = await started(store, { policies: { maxInstances: 2 } });
      const manual = makeLiveRun('by hand', { source: 'manual', availableAt: task.state.createdAt });
      await store.transact({ ids: ['a'] }, (stored) => ({
        task: { ...stored, state: { ...stored.state, live: [...stored.state.live, manual] } },
        history: [],
        value: null,
      }));
      const first = await finishRuns(store, [resultOf(task, task.state.live[0]!, 'succeeded')]);
      assert.notEqual(first.settled[0]!.task, null);
      const [again] = await claimAll(store);
      const last = await finishRuns(store, [resultOf(again!, again!.state.live[0]!, 'failed')]);
      assert.equal(last.settled[0]!.task, null);
      assert.equal(await store.lookupTask('a'), null);
      assert.equal((await store.runs({ taskId: 'a' }, { limit: 5 })).runs.length, 2);
    },

    'keeps a finished task that the code declares': async (bench) => {
      const store = await bench.open();
      const task = await started(store, { origin: 'code' });
      await finishRuns(store, [resultOf(task, task.state.live[0]!, 'succeeded')]);
      const stored = await bench.task(store, 'a');
      assert.equal(stored.state.exhausted, true);
      assertSame([...stored.state.live], []);
      assert.equal(await store.getNextRunTime(), null);
    },

    'ends many runs at once and names those with a stale token': async (bench) => {
      const store = await bench.open();
      const now = await store.now();
      const ids = Array.from({ length: 25 }, (_, at) => `t${at}`);
      await store.addTasks(ids.map((id) => makeTask(id, { nextRunTime: now - 1 })));
      const tasks = await claimAll(store, now + 600_000);
      assert.equal(tasks.length, 25);
      const isStale = (id: string) => ['t3', 't7'].includes(id);
      const results = tasks.map((task) => {
        const run = task.state.live[0]!;
        return resultOf(task, isStale(task.id) ? { ...run, token: run.token + 1 } : run, 'succeeded');
      });
      const nobody = { ...results[0]!, taskId: 'nobody', runId: 'nobody@1' };
      const { settled, refused } = await finishRuns(store, [...results, nobody]);
      assertSame([...refused].map(({ taskId }) => taskId).sort(), ['nobody', 't3', 't7']);
      assertSame(settled.map(({ taskId }) => taskId).sort(), ids.filter((id) => !isStale(id)).sort());
      for (const id of ids) {
        const { live } = (await bench.task(store, id)).state;
        assert.equal(live.length, isStale(id) ? 1 : 0, id);
      }
      assert.equal((await store.runs({}, { limit: 100 })).runs.length, 23);
      const nothing = await finishRuns(store, []);
      assertSame([nothing.settled.length, nothing.refused.length], [0, 0]);
    },

    'ends several runs of one task in one step': async (bench) => {
      const store = await bench.open();
      const now = await store.now();
      await store.addTask(makeTask('a', { nextRunTime: now - 1, policies: { maxInstances: 5 } }));
      for (let left = 3; left > 0; left -= 1) await claimAll(store, now - 1);
      const task = await bench.task(store, 'a');
      const unique = task.state.live.map((run, at) => makeLiveRun(`run-${at}`, { ...run, id: `run-${at}` }));
      assert.equal(unique.length, 3);
      await store.transact({ ids: ['a'] }, (stored) => ({
        task: { ...stored, state: { ...stored.state, live: unique } },
        history: [],
        value: null,
      }));
      const stale = { ...unique[1]!, token: unique[1]!.token + 100 };
      const { settled, refused } = await finishRuns(store, [
        resultOf(task, unique[0]!, 'succeeded'),
        resultOf(task, stale, 'succeeded'),
        resultOf(task, unique[2]!, 'failed'),
      ]);
      assertSame(
        settled.map(({ runId }) => runId),
        ['run-0', 'run-2'],
      );
      assertSame([...refused], [{ taskId: 'a', runId: 'run-1', token: stale.token }]);
      const stored = await bench.task(store, 'a');
      assertSame([...stored.state.live], [unique[1]]);
      assert.equal(stored.state.failuresInARow, 1);
      assert.equal((await store.runs({ taskId: 'a' }, { limit: 5 })).runs.length, 2);
    },

    'refuses a result that is given twice, and writes it once': async (bench) => {
      const store = await bench.open();
      const task = await started(store, {}, (await store.now()) + 600_000);
      const result = resultOf(task, task.state.live[0]!, 'succeeded');
      await finishRuns(store, [result]);
      const after = await store.lookupTask('a');
      const { settled, refused } = await finishRuns(store, [result]);
      assertSame([settled.length, refused.length], [0, 1]);
      assertSame(await store.lookupTask('a'), after);
      assert.equal((await store.runs({}, { limit: 5 })).runs.length, 1);
    },

    'lets a run that is to be tried again wait for its time': async (bench) => {
      const store = await bench.open();
      const task = await started(store);
      const [run] = task.state.live;
      const retryAt = (await store.now()) + 600_001;
      const { settled } = await finishRuns(store, [resultOf(task, run!, 'failed', { retryAt })]);
      assert.equal(settled[0]!.paused, false);
      const stored = await bench.task(store, 'a');
      assertSame(
        [...stored.state.live],
        [
          {
            ...run,
            status: 'waiting',
            attempt: 2,
            availableAt: retryAt,
            owner: null,
            leaseUntil: null,
            startedAt: null,
          },
        ],
      );
      assert.equal(stored.state.failuresInARow, 0);
      assert.equal(await store.getNextRunTime(), retryAt);
      assertSame(await claimAll(store), []);
    },

    'lets a run that is given back start at once, without a trace in the history': async (bench) => {
      const store = await bench.open();
      const other = await bench.other(store);
      const task = await started(store);
      const [run] = task.state.live;
      await finishRuns(store, [
        { taskId: 'a', runId: run!.id, token: run!.token, record: null, retryAt: await store.now() },
      ]);
      assert.equal((await store.runs({}, { limit: 5 })).runs.length, 0);
      const [again] = await claimAll(other);
      assert.equal(again?.state.live[0]!.id, run!.id);
      assert.ok(again.state.live[0]!.token > run!.token);
      assert.equal((await bench.task(store, 'a')).state.lastRun, null);
    },

    'pauses a task after so many failed runs in a row, and a success starts the count again': async (bench) => {
      const store = await bench.open();
      const now = await store.now();
      await store.addTask(makeTask('a', { nextRunTime: now - 1, policies: { pauseAfterFailures: 2 } }));
      assert.equal((await runOnce(bench, store, 'failed')).task.state.failuresInARow, 1);
      assert.equal((await runOnce(bench, store, 'succeeded')).task.state.failuresInARow, 0);
      assert.equal((await runOnce(bench, store, 'failed')).paused, false);
      const last = await runOnce(bench, store, 'failed');
      assert.equal(last.paused, true);
      assert.equal(last.task.state.failuresInARow, 2);
      assert.ok(last.task.state.pause, 'the task is not paused');
      assert.ok(last.task.state.pause.at >= now);
      assert.notEqual(last.task.state.pause.reason, null);
      assert.equal(await store.getNextRunTime(), null);
    },

    'sets what comes next for a trigger that counts from the end of a run': async (bench) => {
      const store = await bench.open();
      const waiting = async () => {
        const task = await started(store);
        await store.transact({ ids: ['a'] }, (stored) => ({
          task: { ...stored, state: { ...stored.state, exhausted: false } },
          history: [],
          value: null,
        }));
        return task;
      };
      const first = await waiting();
      const at = (await store.now()) + 600_000;
      const next = { scheduledTime: at, runTime: at + 7 };
      await finishRuns(store, [resultOf(first, first.state.live[0]!, 'succeeded', { next })]);
      const { state } = await bench.task(store, 'a');
      assertSame(
        [state.nextScheduledTime, state.nextRunTime, state.exhausted],
        [next.scheduledTime, next.runTime, false],
      );
      assert.equal(await store.getNextRunTime(), next.runTime);
      await store.deleteTask('a');
      const second = await waiting();
      await finishRuns(store, [resultOf(second, second.state.live[0]!, 'succeeded', { next: null })]);
      assert.equal(await store.lookupTask('a'), null);
    },

    'keeps an edit that is made elsewhere while the run goes on': async (bench) => {
      const store = await bench.open();
      const other = await bench.other(store);
      const task = await started(store, {}, (await store.now()) + 600_000);
      await other.transact({ ids: ['a'] }, (stored) => ({
        task: {
          ...stored,
          definition: { ...stored.definition, name: 'renamed', args: ['edited'] },
          state: { ...stored.state, pause: { at: 1, reason: 'elsewhere', actor: null } },
        },
        history: [],
        value: null,
      }));
      const { settled } = await finishRuns(store, [resultOf(task, task.state.live[0]!, 'succeeded')]);
      assert.equal(settled.length, 1);
      const stored = await bench.task(store, 'a');
      assert.equal(stored.definition.name, 'renamed');
      assertSame([...stored.definition.args], ['edited']);
      assert.equal(stored.state.pause?.reason, 'elsewhere');
      assertSame([...stored.state.live], []);
    },
  },
};
