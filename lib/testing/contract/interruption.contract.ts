import assert from 'node:assert/strict';
import type { RunEnd } from '../../scheduler/plan/end.plan.js';
import type { Store } from '../../stores/store.interface.js';
import { claimDue, finishRuns } from '../store.steps.js';
import { resultOf, startDue } from '../plan.fixtures.js';
import { assertSame } from '../same-value.js';
import { idsOf } from '../store.bench.js';
import type { StoreBench } from '../store.bench.js';
import { makeTask } from '../task.fixtures.js';
import type { ContractSection } from './contract.section.js';

const LEASE_MS = 600_000;
const REQUEST = { limit: 10, handlers: null };

/** More calls than any of the operations below makes of a backend. */
const MOST_CALLS = 500;

/** One operation that is cut off at one of its calls. */
export interface Attempt<T> {
  /** Three ids that no other attempt has. */
  readonly ids: readonly string[];
  /** What the operation gave; null when it was rejected. */
  readonly result: T | null;
}

/**
 * Cuts an operation off at its first call of the backend, then at its second, and so on until it needs no further one;
 * looks each time at what it has left behind.
 */
export async function atEachCall<T>(
  bench: StoreBench,
  store: Store,
  prepare: (ids: readonly string[]) => Promise<() => Promise<T>>,
  check: (attempt: Attempt<T>) => Promise<void>,
): Promise<void> {
  for (let after = 0; after < MOST_CALLS; after += 1) {
    const ids = ['a', 'b', 'c'].map((name) => `${name}-${after}`);
    const work = await prepare(ids);
    const mend = await bench.options.interrupt!({ ...bench.request, after });
    let result: T | null = null;
    let failure: unknown;
    try {
      result = await work();
    } catch (error) {
      failure = error;
    }
    const wasCut = await mend();
    await check({ ids, result });
    await store.removeAllTasks();
    if (wasCut) continue;
    assert.equal(failure, undefined, `It failed although nothing was cut off: ${String(failure)}`);
    return;
  }
  throw new Error(`The operation was still cut off after ${MOST_CALLS} calls of the backend.`);
}

async function addDue(store: Store, ids: readonly string[]): Promise<void> {
  const now = await store.now();
  await store.addTasks(ids.map((id) => makeTask(id, { nextRunTime: now - 1, args: [id] })));
}

async function claimAll(store: Store) {
  return (await claimDue(store, REQUEST, startDue('x', LEASE_MS))).claimed;
}

export const INTERRUPTION: ContractSection = {
  title: 'a backend that fails in the middle',
  tests: {
    'leaves each task of an add whole or not there': async (bench) => {
      const store = await bench.open();
      await atEachCall(
        bench,
        store,
        async (ids) => async () => store.addTasks(ids.map((id) => makeTask(id, { args: [id] }))),
        async ({ ids, result }) => {
          const there = idsOf(await store.getAllTasks());
          if (result) assertSame(there, [...ids]);
          for (const id of there) assertSame(await store.lookupTask(id), makeTask(id, { args: [id] }));
          assertSame([...(await store.addTasks(ids.map((id) => makeTask(id, { args: [id] }))))], there);
        },
      );
    },

    'leaves each task of a claim claimed or as it was, and held by nobody else for long': async (bench) => {
      const store = await bench.open();
      await atEachCall(
        bench,
        store,
        async (ids) => {
          await addDue(store, ids);
          return () => claimAll(store);
        },
        async ({ ids, result }) => {
          const claimed = new Set<string>();
          for (const id of ids) {
            const { version, state } = await bench.task(store, id);
            assert.ok(state.live.length === 0 || state.nextRunTime === null, `half of a claim of ${id} was written`);
            assert.equal(version, state.live.length === 0 ? 1 : 2);
            if (state.live.length > 0) claimed.add(id);
          }
          for (const { id } of result ?? []) assert.ok(claimed.has(id), `${id} was told of and not written`);
          await bench.until(async () => {
            for (const { id } of await claimAll(store)) {
              assert.ok(!claimed.has(id), `${id} was claimed twice`);
              claimed.add(id);
            }
            return claimed.size === ids.length;
          }, 'the rest of a claim that was cut off to be claimed');
        },
      );
    },

    'loses no end of a run, which can be given again': async (bench) => {
      const store = await bench.open();
      let pending: RunEnd[] = [];
      await atEachCall(
        bench,
        store,
        async (ids) => {
          await addDue(store, ids);
          const results = (await claimAll(store)).map(({ task, start }) => resultOf(task!, start[0]!, 'succeeded'));
          assert.equal(results.length, ids.length);
          pending = results;
          return async () => finishRuns(store, results);
        },
        async ({ ids, result }) => {
          const settled = new Set((result?.settled ?? []).map(({ taskId }) => taskId));
          for (const id of settled) assert.equal(await store.lookupTask(id), null, `${id} was told of and not written`);
          await finishRuns(
            store,
            pending.filter(({ taskId }) => !settled.has(taskId)),
          );
          for (const id of ids) {
            assert.equal(await store.lookupTask(id), null, `${id} is not ended`);
            const { runs } = await store.runs({ taskId: id }, { limit: 5 });
            assertSame(
              runs.map(({ status }) => status),
              ['succeeded'],
              `The history of ${id}`,
            );
          }
        },
      );
    },

    'leaves an edit done or not, and its old time or its new one': async (bench) => {
      const store = await bench.open();
      await atEachCall(
        bench,
        store,
        async (ids) => {
          await addDue(store, ids);
          return async () =>
            store.transact({ ids }, (task) => ({
              task: {
                ...task,
                definition: { ...task.definition, handler: 'edited', args: ['edited'] },
                state: { ...task.state, nextRunTime: null, nextScheduledTime: null },
              },
              history: [],
              value: null,
            }));
        },
        async ({ ids, result }) => {
          const committed = new Set(idsOf(result?.committed ?? []));
          const old: string[] = [];
          for (const id of ids) {
            const { definition, state, version } = await bench.task(store, id);
            const isEdited = version === 2;
            assertSame(
              [definition.handler, [...definition.args], state.nextRunTime === null],
              isEdited ? ['edited', ['edited'], true] : ['work', [id], false],
              `Half of an edit of ${id} was written`,
            );
            assert.ok(isEdited || !committed.has(id), `${id} was told of and not written`);
            if (!isEdited) old.push(id);
          }
          assertSame(idsOf(await store.getDueTasks(await store.now())), old);
        },
      );
    },

    'leaves a task there or deleted': async (bench) => {
      const store = await bench.open();
      await atEachCall(
        bench,
        store,
        async (ids) => {
          await addDue(store, ids);
          return async () => store.deleteTask(ids[0]!);
        },
        async ({ ids, result }) => {
          const stored = await store.lookupTask(ids[0]!);
          if (stored !== null) assert.equal((await bench.task(store, ids[0]!)).version, 1);
          if (result !== null) assertSame([result, stored], [true, null]);
          assertSame(idsOf(await store.getDueTasks(await store.now())), stored === null ? ids.slice(1) : [...ids]);
        },
      );
    },
  },
  applies: ({ interrupt }) => interrupt !== undefined,
};
