import assert from 'node:assert/strict';
import type { Change } from '../../model/change.js';
import type { JournalEntry } from '../../model/journal.js';
import type { TaskRecord } from '../../model/task.js';
import { addJournaled } from '../../stores/journaled.js';
import type { Store } from '../../stores/store.interface.js';
import { compareText } from '../../stores/task-query.js';
import { assertRejects } from '../rejection.js';
import { assertSame } from '../same-value.js';
import { idsOf } from '../store.bench.js';
import { makeEntry, makeTask } from '../task.fixtures.js';
import type { ContractSection } from './contract.section.js';
import { atEachCall } from './interruption.contract.js';
import { allNumbers, isAtomic, outlives } from './journal.contract.js';

/** The tasks of entries, sorted. */
const tasksOf = (entries: readonly JournalEntry[]) => entries.map(({ taskId }) => String(taskId)).sort(compareText);

/** A change that anybody sees, and an entry of that number. */
function noted(task: TaskRecord, number: number): Change<number> {
  const state = { ...task.state, scheduledCount: task.state.scheduledCount + 1 };
  return { task: { ...task, state }, journal: [makeEntry(number, { taskId: task.id })], value: number };
}

/** Entries that are written with what they are about. */
export const JOURNAL_STEPS: ContractSection = {
  title: 'journal of changes',
  tests: {
    'has the entries of changes that were written, and none of those that were not': async (bench) => {
      const store = await bench.open();
      if (!isAtomic(store)) return;
      await store.addTasks([makeTask('a'), makeTask('b'), makeTask('c', { args: ['c'] })]);
      const { committed } = await store.transact({ ids: ['a', 'b', 'c', 'none'] }, (task): Change<number> | null => {
        if (task.id === 'b') return null;
        if (task.id === 'a') return noted(task, 1);
        const journal = [makeEntry(2, { taskId: 'c' }), makeEntry(3, { taskId: 'c', kind: 'task.deleted' })];
        return { task: null, journal, value: 2 };
      });
      assertSame(idsOf(committed), ['a', 'c']);
      assertSame(await allNumbers(store), [3, 2, 1]);
      const edited = await store.transact({ ids: ['b'] }, (task) => ({
        ...noted(task, 4),
        task: { ...task, definition: { ...task.definition, name: 'edited' } },
      }));
      assertSame(idsOf(edited.committed), ['b']);
      assertSame(await allNumbers(store), [4, 3, 2, 1]);
      await assert.rejects(async () =>
        store.transact({ ids: ['a'] }, () => {
          throw new Error('no decision');
        }),
      );
      assertSame(await allNumbers(store), [4, 3, 2, 1]);
    },

    'has one entry for each change of two schedulers at a time': async (bench) => {
      const store = await bench.open();
      if (!isAtomic(store)) return;
      const other = await bench.other(store);
      await store.addTask(makeTask('a'));
      let number = 0;
      const change = async (one: Store) => one.transact({ ids: ['a'] }, (task) => noted(task, (number += 1)));
      const done = await Promise.all(Array.from({ length: 10 }, (_, at) => change(at % 2 ? store : other)));
      const values = done.flatMap(({ committed }) => committed.map(({ value }) => value));
      assert.equal((await bench.task(store, 'a')).state.scheduledCount, values.length);
      const sorted = (numbers: readonly number[]) => numbers.toSorted((a, b) => a - b);
      assertSame(sorted(await allNumbers(store)), sorted(values));
    },

    'has the entries of tasks that were added, and of no other': async (bench) => {
      const store = await bench.open();
      if (!isAtomic(store)) return;
      const entry = (number: number, taskId: string) => makeEntry(number, { taskId, kind: 'task.added' });
      await store.addTask(makeTask('a'), { journal: [entry(1, 'a')] });
      await assertRejects(
        async () => store.addTask(makeTask('a'), { journal: [entry(2, 'a')] }),
        'ASYNCZ_TASK_CONFLICT',
      );
      assertSame(await allNumbers(store), [1]);
      const journal = [entry(3, 'a'), entry(4, 'b'), entry(5, 'd')];
      const tasks = ['a', 'b', 'c', 'd'].map((id) => makeTask(id));
      assertSame([...(await store.addTasks(tasks, { journal }))], ['a']);
      assertSame(await allNumbers(store), [5, 4, 1]);
      await store.addTasks([makeTask('e')], { journal: [entry(6, 'e')] });
      assertSame([...(await store.addTasks([makeTask('e')], { journal: [entry(7, 'e')] }))], ['e']);
      assertSame(await allNumbers(store), [6, 5, 4, 1]);
    },

    'has the entries of removals, where there was something to remove': async (bench) => {
      const store = await bench.open();
      if (!isAtomic(store)) return;
      await store.addTasks([makeTask('a'), makeTask('b')]);
      const entry = (number: number) => [makeEntry(number, { kind: 'task.deleted' })];
      assert.equal(await store.deleteTask('none', { journal: entry(1) }), false);
      assert.equal(await store.deleteTask('a', { journal: entry(2) }), true);
      assertSame(await allNumbers(store), [2]);
      assert.equal(await store.removeAllTasks({ journal: entry(3) }), 1);
      assertSame(await allNumbers(store), [3, 2]);
    },

    'outlives the store, and shows itself to another scheduler': async (bench) => {
      const store = await bench.open();
      if (!outlives(bench, store)) return;
      await addJournaled(store, makeTask('a'), { journal: [makeEntry(1, { taskId: 'a' })] });
      const other = await bench.other(store);
      assertSame(await allNumbers(other), [1]);
      await bench.shutdown(store);
      const later = await bench.open();
      assertSame(await allNumbers(later), [1]);
      const elsewhere = await bench.openElsewhere();
      assertSame(await allNumbers(elsewhere), []);
    },

    "is part of the caller's transaction": async (bench) => {
      const store = await bench.open();
      const { transaction } = bench.options;
      const { transactionalAdds, transactionalChanges } = store.capabilities;
      if (!isAtomic(store) || !transactionalAdds || !transaction) return;
      const work = async (own: unknown, from: number) => {
        await store.addTask(makeTask(`a${from}`), {
          transaction: own,
          journal: [makeEntry(from, { taskId: `a${from}` })],
        });
        const many = { transaction: own, journal: [makeEntry(from + 1, { taskId: `b${from}` })] };
        await store.addTasks([makeTask(`b${from}`), makeTask(`c${from}`)], many);
        if (!transactionalChanges) return;
        const { committed } = await store.transact({ ids: ['there'] }, (task) => noted(task, from + 2), {
          transaction: own,
        });
        assertSame(idsOf(committed), ['there']);
      };
      await store.addTask(makeTask('there'));
      await assert.rejects(
        (async () =>
          transaction(bench.request, async (own) => {
            await work(own, 10);
            throw new Error('roll back');
          }))(),
      );
      assertSame(await allNumbers(store), []);
      await transaction(bench.request, async (own) => work(own, 20));
      assertSame(await allNumbers(store), transactionalChanges ? [22, 21, 20] : [21, 20]);
    },
  },
};

/** What a backend that fails in the middle leaves of the journal. */
export const JOURNAL_INTERRUPTION: ContractSection = {
  title: 'journal, and a backend that fails in the middle',
  tests: {
    'never has a change without its entry, nor an entry without its change': async (bench) => {
      const store = await bench.open();
      if (!isAtomic(store)) return;
      let number = 0;
      await atEachCall(
        bench,
        store,
        async (ids) => {
          await store.addTasks(ids.map((id) => makeTask(id)));
          await store.pruneJournal({ before: null, keep: 0, limit: 1_000 });
          return async () => store.transact({ ids }, (task) => noted(task, (number += 1)));
        },
        async ({ ids, result }) => {
          const { entries } = await store.journal({}, { limit: 100 });
          const changed: string[] = [];
          for (const id of ids) if ((await bench.task(store, id)).version > 1) changed.push(id);
          assertSame(tasksOf(entries), changed.sort(compareText), 'The tasks of the entries');
          for (const { id } of result?.committed ?? [])
            assert.ok(changed.includes(id), `${id} was told of and not written`);
        },
      );
    },

    'has the entries of the adds and removals that were written': async (bench) => {
      const store = await bench.open();
      if (!isAtomic(store)) return;
      const journal = (ids: readonly string[]) => ids.map((taskId, at) => makeEntry(at, { taskId }));
      const written = async () => {
        const { entries } = await store.journal({}, { limit: 100 });
        await store.pruneJournal({ before: null, keep: 0, limit: 1_000 });
        return tasksOf(entries);
      };
      await atEachCall(
        bench,
        store,
        async (ids) => async () =>
          store.addTasks(
            ids.map((id) => makeTask(id)),
            { journal: journal(ids) },
          ),
        async () => assertSame(await written(), idsOf(await store.getAllTasks()).sort(compareText)),
      );
      await atEachCall(
        bench,
        store,
        async (ids) => {
          await store.addTasks(ids.map((id) => makeTask(id)));
          return async () => store.deleteTask(ids[0]!, { journal: journal(ids.slice(0, 1)) });
        },
        async ({ ids }) => {
          const gone = (await store.lookupTask(ids[0]!)) === null ? [ids[0]!] : [];
          assertSame(await written(), gone);
        },
      );
    },
  },
  applies: ({ interrupt }) => interrupt !== undefined,
};
