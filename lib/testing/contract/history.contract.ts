import assert from 'node:assert/strict';
import type { StoredRunFilter } from '../../model/query.js';
import type { RunRecord } from '../../model/run.js';
import type { Store } from '../../stores/store.interface.js';
import { assertRejects } from '../rejection.js';
import { assertSame } from '../same-value.js';
import { makeRun, makeTask } from '../task.fixtures.js';
import type { ContractSection } from './contract.section.js';

const T0 = 1_600_000_000_000;

const ERROR = { name: 'Error', message: 'one of several', code: null, stack: null, cause: null, errors: [] } as const;

/** Writes ended runs the only way there is: with a change of a task. */
export async function writeRuns(store: Store, runs: readonly RunRecord[]): Promise<void> {
  await store.addTasks([makeTask('writer')]);
  await store.transact({ ids: ['writer'] }, (task) => ({ task, history: runs, value: null }));
}

/** Every page from the first to the last. */
async function allPages(store: Store, filter: StoredRunFilter, limit: number): Promise<RunRecord[][]> {
  const pages: RunRecord[][] = [];
  let cursor: string | undefined;
  for (let left = 1_000; left > 0; left -= 1) {
    const page = await store.runs(filter, { limit, ...(cursor !== undefined && { cursor }) });
    pages.push([...page.runs]);
    if (page.next === null) return pages;
    cursor = page.next;
  }
  throw new Error('the history has no last page');
}

const names = (runs: Iterable<RunRecord>) => [...runs].map(({ id, attempt }) => `${id}#${attempt}`);

export const HISTORY: ContractSection = {
  title: 'history',
  tests: {
    'gives back an ended run in every field': async (bench) => {
      const store = await bench.open();
      const failed = makeRun('failed', {
        taskId: 'a',
        handler: 'reports.generate',
        source: 'backfill',
        scheduledTime: T0 + 1,
        attempt: 3,
        status: 'failed',
        owner: 'host:1:abc',
        token: 2 ** 52,
        startedAt: T0 + 2,
        endedAt: T0 + 3,
        coalesced: 12_345,
        error: {
          name: 'TypeError',
          message: 'no "quotes"\nin ünïcode 😀',
          code: 'E_X',
          stack: 'at x\n  at y',
          cause: { ...ERROR, message: 'the cause' },
          errors: [{ ...ERROR, code: 'E_Y' }],
        },
        result: null,
        dead: true,
        request: { actor: 'ops', reason: 'late data' },
        cancel: { at: T0 + 2, actor: null, reason: 'takes too long' },
        definition: makeTask('a', { args: [new Date(7), { n: 1n }], tags: ['x'], policies: { group: 'erp' } })
          .definition,
      });
      const done = makeRun('done', {
        endedAt: T0 + 2,
        result: { list: [1, { two: 2n }], at: new Date(5), map: new Map([['k', new Set([1])]]) },
      });
      const missed = makeRun('missed', { status: 'missed', owner: null, token: 0, startedAt: null, endedAt: T0 + 1 });
      await writeRuns(store, [failed, done, missed]);
      const { runs, next } = await store.runs({}, { limit: 10 });
      assertSame([...runs], [failed, done, missed]);
      assert.equal(next, null);
    },

    'lists the latest end first, then by run id, then the latest attempt': async (bench) => {
      const store = await bench.open();
      await writeRuns(store, [
        makeRun('b', { endedAt: T0 + 1 }),
        makeRun('a', { endedAt: T0 + 1, attempt: 1, token: 1 }),
        makeRun('a', { endedAt: T0 + 1, attempt: 2, token: 2 }),
        makeRun('old', { endedAt: T0 }),
        makeRun('new', { endedAt: T0 + 2 }),
      ]);
      const { runs } = await store.runs({}, { limit: 10 });
      assertSame(names(runs), ['new#1', 'a#2', 'a#1', 'b#1', 'old#1']);
    },

    'filters by task, run, status, source, owner, time and whether it is dead, alone and together': async (bench) => {
      const store = await bench.open();
      await writeRuns(store, [
        makeRun('a1', { taskId: 'a', endedAt: T0 + 1, status: 'failed', owner: 'x', dead: true }),
        makeRun('a1', { taskId: 'a', endedAt: T0 + 2, attempt: 2, token: 2, owner: 'y' }),
        makeRun('a2', { taskId: 'a', endedAt: T0 + 3, source: 'manual' }),
        makeRun('b1', { taskId: 'b', endedAt: T0 + 4, status: 'missed', owner: null }),
        makeRun('ab', { taskId: 'ab', endedAt: T0 + 5, status: 'lost', source: 'startup', owner: 'x', dead: true }),
      ]);
      const cases: [StoredRunFilter, string[]][] = [
        [{}, ['ab#1', 'b1#1', 'a2#1', 'a1#2', 'a1#1']],
        [{ taskId: 'a' }, ['a2#1', 'a1#2', 'a1#1']],
        [{ taskId: 'A' }, []],
        [{ runId: 'a1' }, ['a1#2', 'a1#1']],
        [{ status: 'failed' }, ['a1#1']],
        [{ status: 'skipped' }, []],
        [{ source: 'manual' }, ['a2#1']],
        [{ dead: true }, ['ab#1', 'a1#1']],
        [{ dead: false, taskId: 'a' }, ['a2#1', 'a1#2']],
        [{ owner: 'x' }, ['ab#1', 'a1#1']],
        [{ from: T0 + 3 }, ['ab#1', 'b1#1', 'a2#1']],
        [{ to: T0 + 3 }, ['a1#2', 'a1#1']],
        [{ from: T0 + 2, to: T0 + 4 }, ['a2#1', 'a1#2']],
        [{ taskId: 'a', status: 'succeeded', source: 'schedule', owner: 'y', from: T0 + 2, to: T0 + 3 }, ['a1#2']],
      ];
      for (const [filter, expected] of cases) {
        const { runs, next } = await store.runs(filter, { limit: 10 });
        assertSame(names(runs), expected, JSON.stringify(filter));
        assert.equal(next, null);
      }
    },

    'pages by cursor through ties without a gap or a repetition': async (bench) => {
      const store = await bench.open();
      const runs = Array.from({ length: 23 }, (_, at) =>
        makeRun(`r${String(at % 10).padStart(2, '0')}`, {
          taskId: at % 2 ? 'odd' : 'even',
          attempt: 1 + Math.floor(at / 10),
          token: at + 1,
          endedAt: T0 + (at % 3),
        }),
      );
      await writeRuns(store, runs);
      const [whole] = await allPages(store, {}, 100);
      assert.equal(whole!.length, 23);
      for (const limit of [1, 2, 5, 22, 23]) {
        const pages = await allPages(store, {}, limit);
        assertSame(pages.flat(), whole, `pages of ${limit}`);
        assert.ok(pages.every((page) => page.length > 0 && page.length <= limit));
        assert.equal(pages.length, Math.ceil(23 / limit));
      }
      const odd = (await allPages(store, { taskId: 'odd' }, 2)).flat();
      assertSame(
        odd,
        whole!.filter(({ taskId }) => taskId === 'odd'),
      );
    },

    'goes on where a page ended while newer runs come in': async (bench) => {
      const store = await bench.open();
      await writeRuns(
        store,
        Array.from({ length: 6 }, (_, at) => makeRun(`r${at}`, { endedAt: T0 + at })),
      );
      const first = await store.runs({}, { limit: 3 });
      await writeRuns(store, [makeRun('newer', { endedAt: T0 + 100 })]);
      const second = await store.runs({}, { limit: 3, cursor: first.next! });
      assertSame(names([...first.runs, ...second.runs]), ['r5#1', 'r4#1', 'r3#1', 'r2#1', 'r1#1', 'r0#1']);
      assert.equal(second.next, null);
    },

    'refuses a cursor that it did not make': async (bench) => {
      const store = await bench.open();
      await writeRuns(store, [makeRun('a')]);
      for (const cursor of ['nonsense', '', 'W10', Buffer.from('{"a":1}').toString('base64url')]) {
        const what = `The cursor ${JSON.stringify(cursor)}`;
        await assertRejects(() => store.runs({}, { limit: 3, cursor }), 'ASYNCZ_INVALID_OPTION', what);
      }
    },

    'replaces an attempt that is written twice, and keeps other attempts and tokens': async (bench) => {
      const store = await bench.open();
      await writeRuns(store, [makeRun('a', { status: 'failed', endedAt: T0 })]);
      await writeRuns(store, [
        makeRun('a', { status: 'succeeded', endedAt: T0 + 5, result: 'second' }),
        makeRun('a', { attempt: 2, token: 2, endedAt: T0 + 1 }),
        makeRun('a', { attempt: 1, token: 3, endedAt: T0 + 2 }),
      ]);
      const { runs } = await store.runs({}, { limit: 10 });
      assertSame(
        runs.map(({ attempt, token, status, result }) => [attempt, token, status, result]),
        [
          [1, 1, 'succeeded', 'second'],
          [1, 3, 'succeeded', null],
          [2, 2, 'succeeded', null],
        ],
      );
    },

    'keeps ended runs on their own, each replacing the one that is there': async (bench) => {
      const store = await bench.open();
      await store.saveRuns([]);
      await store.saveRuns([makeRun('a', { endedAt: T0, result: 'first' }), makeRun('b', { endedAt: T0 + 1 })]);
      await store.saveRuns([makeRun('a', { endedAt: T0, result: { second: true } })]);
      const { runs } = await store.runs({}, { limit: 10 });
      assertSame(
        [...runs],
        [makeRun('b', { endedAt: T0 + 1 }), makeRun('a', { endedAt: T0, result: { second: true } })],
      );
    },

    'keeps the runs of a task that is deleted': async (bench) => {
      const store = await bench.open();
      await store.addTask(makeTask('a'));
      await store.transact({ ids: ['a'] }, () => ({ task: null, history: [makeRun('a1', { taskId: 'a' })], value: 1 }));
      await store.addTask(makeTask('b'));
      await store.transact({ ids: ['b'] }, (task) => ({ task, history: [makeRun('b1', { taskId: 'b' })], value: 1 }));
      await store.deleteTask('b');
      assertSame(names((await store.runs({}, { limit: 5 })).runs), ['a1#1', 'b1#1']);
    },

    'keeps ended runs of tasks that are gone': async (bench) => {
      const store = await bench.open();
      await store.addTask(makeTask('a'));
      await store.deleteTask('a');
      await store.saveRuns([makeRun('a1', { taskId: 'a' })]);
      assertSame(names((await store.runs({ taskId: 'a' }, { limit: 5 })).runs), ['a1#1']);
    },

    'prunes runs that ended before a time, the oldest first, in bounded steps': async (bench) => {
      const store = await bench.open();
      await writeRuns(
        store,
        Array.from({ length: 8 }, (_, at) => makeRun(`r${at}`, { endedAt: T0 + at })),
      );
      assert.equal(await store.pruneRuns({ before: T0, keep: null, failedBefore: null, limit: 100 }), 0);
      assert.equal(await store.pruneRuns({ before: T0 + 5, keep: null, failedBefore: null, limit: 3 }), 3);
      assertSame(names((await store.runs({}, { limit: 9 })).runs), ['r7#1', 'r6#1', 'r5#1', 'r4#1', 'r3#1']);
      assert.equal(await store.pruneRuns({ before: T0 + 5, keep: null, failedBefore: null, limit: 3 }), 2);
      assert.equal(await store.pruneRuns({ before: T0 + 5, keep: null, failedBefore: null, limit: 3 }), 0);
      assertSame(names((await store.runs({}, { limit: 9 })).runs), ['r7#1', 'r6#1', 'r5#1']);
    },

    'prunes all but the latest runs of each task': async (bench) => {
      const store = await bench.open();
      await writeRuns(store, [
        ...Array.from({ length: 5 }, (_, at) => makeRun(`a${at}`, { taskId: 'a', endedAt: T0 + at })),
        ...Array.from({ length: 2 }, (_, at) => makeRun(`b${at}`, { taskId: 'b', endedAt: T0 - at })),
      ]);
      assert.equal(await store.pruneRuns({ before: null, keep: 2, failedBefore: null, limit: 100 }), 3);
      assertSame(names((await store.runs({ taskId: 'a' }, { limit: 9 })).runs), ['a4#1', 'a3#1']);
      assertSame(names((await store.runs({ taskId: 'b' }, { limit: 9 })).runs), ['b0#1', 'b1#1']);
      assert.equal(await store.pruneRuns({ before: T0 + 4, keep: 1, failedBefore: null, limit: 100 }), 3);
      assertSame(names((await store.runs({}, { limit: 9 })).runs), ['a4#1']);
      assert.equal(await store.pruneRuns({ before: null, keep: null, failedBefore: null, limit: 100 }), 0);
    },

    'keeps runs that failed or were lost for as long as they are to be kept': async (bench) => {
      const store = await bench.open();
      await writeRuns(store, [
        makeRun('old-ok', { endedAt: T0 }),
        makeRun('old-failed', { endedAt: T0 + 1, status: 'failed' }),
        makeRun('old-lost', { endedAt: T0 + 2, status: 'lost' }),
        makeRun('old-missed', { endedAt: T0 + 3, status: 'missed' }),
        makeRun('failed', { endedAt: T0 + 10, status: 'failed' }),
        makeRun('ok', { endedAt: T0 + 11 }),
        makeRun('cancelled', { endedAt: T0 + 12, status: 'cancelled' }),
        makeRun('lost', { endedAt: T0 + 13, status: 'lost' }),
      ]);
      const left = async () => names((await store.runs({}, { limit: 20 })).runs).map((name) => name.replace('#1', ''));
      assert.equal(await store.pruneRuns({ before: T0 + 5, keep: null, failedBefore: T0 + 2, limit: 100 }), 3);
      assertSame(await left(), ['lost', 'cancelled', 'ok', 'failed', 'old-lost']);
      // Those are not counted among the latest ones either.
      assert.equal(await store.pruneRuns({ before: null, keep: 1, failedBefore: T0, limit: 100 }), 1);
      assertSame(await left(), ['lost', 'cancelled', 'failed', 'old-lost']);
      assert.equal(await store.pruneRuns({ before: null, keep: null, failedBefore: T0 + 11, limit: 1 }), 1);
      assertSame(await left(), ['lost', 'cancelled', 'failed']);
      assert.equal(await store.pruneRuns({ before: null, keep: null, failedBefore: T0 + 11, limit: 5 }), 1);
      assertSame(await left(), ['lost', 'cancelled']);
    },
  },
};
