import assert from 'node:assert/strict';
import type { JournalEntry, StoredJournalFilter } from '../../model/journal.js';
import { addJournaled } from '../../stores/journaled.js';
import type { Store } from '../../stores/store.interface.js';
import { assertRejects } from '../rejection.js';
import { assertSame } from '../same-value.js';
import { SECRET } from '../store.bench.js';
import type { StoreBench } from '../store.bench.js';
import { makeEntry, makeTask } from '../task.fixtures.js';
import type { ContractSection } from './contract.section.js';

const T0 = 1_600_000_000_000;

const OTHER_SECRET = 'another secret of enough bytes';

/** Every page from the first to the last. */
async function allPages(store: Store, filter: StoredJournalFilter, limit: number): Promise<JournalEntry[][]> {
  const pages: JournalEntry[][] = [];
  let cursor: string | undefined;
  for (let left = 1_000; left > 0; left -= 1) {
    const page = await store.journal(filter, { limit, ...(cursor !== undefined && { cursor }) });
    pages.push([...page.entries]);
    if (page.next === null) return pages;
    cursor = page.next;
  }
  throw new Error('the journal has no last page');
}

/** The last digits of the ids of entries, which {@link makeEntry} has counted. */
export const numbers = (entries: Iterable<JournalEntry>) => [...entries].map(({ id }) => Number(id.slice(-12)));

/** The numbers of all entries that there are, the latest first. */
export async function allNumbers(store: Store, filter: StoredJournalFilter = {}): Promise<number[]> {
  return numbers((await store.journal(filter, { limit: 100 })).entries);
}

/** Whether entries are written in one step with what they are about. */
export const isAtomic = ({ capabilities }: Store) => capabilities.journal === 'atomic';

/** Whether the journal is kept when the store is shut down. */
export const outlives = ({ options }: StoreBench, { capabilities }: Store) =>
  capabilities.durable && options.keepsJournal !== false;

export const JOURNAL: ContractSection = {
  title: 'journal',
  tests: {
    'gives back an entry in every field': async (bench) => {
      const store = await bench.open();
      const details = { list: [1, 'two', null, { three: true }] };
      const whole = makeEntry(2, {
        time: T0 + 1,
        kind: 'task.updated',
        taskId: 'ünïcode 😀 "a"',
        scheduler: 'host:1:abc',
        actor: 'anna.o’neil+ops@example.com',
        reason: 'no "quotes"\nin it\0',
        changes: [
          {
            field: 'trigger',
            before: { type: 'interval', every: 5 },
            after: { type: 'cron', expression: '* * * * *' },
          },
          { field: 'args', before: null, after: ['long …'], cut: true },
          { field: 'tags', after: ['x'] },
        ],
        details,
      });
      const bare = makeEntry(1, { time: T0, taskId: null, kind: 'store.rotated' });
      const expected = structuredClone([whole, bare]);
      await store.appendJournal([]);
      await store.appendJournal([bare, whole]);
      details.list.length = 0;
      const { entries, next } = await store.journal({}, { limit: 10 });
      assertSame([...entries], expected);
      assert.equal(next, null);
    },

    'lists the latest first, whatever the order of writing': async (bench) => {
      const store = await bench.open();
      await store.appendJournal([makeEntry(2, { time: T0 }), makeEntry(9, { time: T0 })]);
      await store.appendJournal([makeEntry(1, { time: T0 + 1 })]);
      await store.appendJournal([makeEntry(5, { time: T0 })]);
      assertSame(await allNumbers(store), [1, 9, 5, 2]);
    },

    'filters by task, kind, actor, scheduler and time, alone and together': async (bench) => {
      const store = await bench.open();
      await store.appendJournal([
        makeEntry(1, { time: T0 + 1, taskId: 'a', kind: 'task.paused', actor: 'anna', scheduler: 'x' }),
        makeEntry(2, { time: T0 + 2, taskId: 'a', kind: 'task.resumed', actor: 'bob', scheduler: 'y' }),
        makeEntry(3, { time: T0 + 3, taskId: 'b', kind: 'task.paused', actor: null, scheduler: 'x' }),
        makeEntry(4, { time: T0 + 4, taskId: null, kind: 'store.failed', actor: 'Anna', scheduler: 'z' }),
        makeEntry(5, { time: T0 + 5, taskId: 'ab', kind: 'task.added', actor: 'anna ', scheduler: 'y' }),
      ]);
      const cases: [StoredJournalFilter, number[]][] = [
        [{}, [5, 4, 3, 2, 1]],
        [{ taskId: 'a' }, [2, 1]],
        [{ taskId: 'A' }, []],
        [{ kinds: ['task.paused'] }, [3, 1]],
        [{ kinds: ['task.paused', 'store.failed'] }, [4, 3, 1]],
        [{ kinds: [] }, []],
        [{ actor: 'anna' }, [1]],
        [{ actor: 'nobody' }, []],
        [{ scheduler: 'x' }, [3, 1]],
        [{ from: T0 + 3 }, [5, 4, 3]],
        [{ to: T0 + 3 }, [2, 1]],
        [{ from: T0 + 2, to: T0 + 4 }, [3, 2]],
        [{ taskId: 'a', kinds: ['task.paused'], actor: 'anna', scheduler: 'x', from: T0 + 1, to: T0 + 2 }, [1]],
        [{ taskId: 'a', actor: 'anna', scheduler: 'y' }, []],
      ];
      for (const [filter, expected] of cases) {
        assertSame(await allNumbers(store, filter), expected, JSON.stringify(filter));
      }
    },

    'pages by cursor without a gap or a repetition, also while newer entries come in': async (bench) => {
      const store = await bench.open();
      const entries = Array.from({ length: 23 }, (_, at) =>
        makeEntry(at, { time: T0 + Math.floor(at / 5), taskId: at % 2 ? 'odd' : 'even' }),
      );
      await store.appendJournal(entries);
      const whole = entries.toReversed();
      for (const limit of [1, 5, 22, 23]) {
        const pages = await allPages(store, {}, limit);
        assertSame(pages.flat(), whole, `pages of ${limit}`);
        assert.equal(pages.length, Math.ceil(23 / limit));
      }
      const odd = (await allPages(store, { taskId: 'odd' }, 2)).flat();
      assertSame(numbers(odd), numbers(whole.filter(({ taskId }) => taskId === 'odd')));
      const first = await store.journal({}, { limit: 3 });
      await store.appendJournal([makeEntry(99, { time: T0 + 100 })]);
      const second = await store.journal({}, { limit: 3, cursor: first.next! });
      assertSame(numbers([...first.entries, ...second.entries]), [22, 21, 20, 19, 18, 17]);
    },

    'refuses a cursor that it did not make': async (bench) => {
      const store = await bench.open();
      await store.appendJournal([makeEntry(1)]);
      for (const cursor of ['nonsense', '', '7', `${makeEntry(1).id}'`]) {
        const what = `The cursor ${JSON.stringify(cursor)}`;
        await assertRejects(() => store.journal({}, { limit: 3, cursor }), 'ASYNCZ_INVALID_OPTION', what);
      }
    },

    'replaces an entry that is written twice': async (bench) => {
      const store = await bench.open();
      await store.appendJournal([makeEntry(1, { details: { written: 'once' } }), makeEntry(2)]);
      await store.appendJournal([makeEntry(1, { details: { written: 'twice' } })]);
      const { entries } = await store.journal({}, { limit: 10 });
      assertSame([...entries], [makeEntry(2), makeEntry(1, { details: { written: 'twice' } })]);
    },

    'prunes what is too old or too much, the oldest first, in bounded steps': async (bench) => {
      const store = await bench.open();
      await store.appendJournal(Array.from({ length: 10 }, (_, at) => makeEntry(at, { time: T0 + at })));
      assert.equal(await store.pruneJournal({ before: null, keep: null, limit: 100 }), 0);
      assert.equal(await store.pruneJournal({ before: T0, keep: 10, limit: 100 }), 0);
      assert.equal(await store.pruneJournal({ before: T0 + 4, keep: null, limit: 3 }), 3);
      assertSame(await allNumbers(store), [9, 8, 7, 6, 5, 4, 3]);
      assert.equal(await store.pruneJournal({ before: T0 + 4, keep: null, limit: 3 }), 1);
      assert.equal(await store.pruneJournal({ before: null, keep: 4, limit: 1 }), 1);
      assertSame(await allNumbers(store), [9, 8, 7, 6, 5]);
      assert.equal(await store.pruneJournal({ before: T0 + 8, keep: 4, limit: 100 }), 3);
      assertSame(await allNumbers(store), [9, 8]);
      assert.equal(await store.pruneJournal({ before: null, keep: 0, limit: 100 }), 2);
      assertSame(await allNumbers(store), []);
    },

    'keeps the entries of tasks that are gone, and is not emptied with them': async (bench) => {
      const store = await bench.open();
      await store.addTasks([makeTask('a'), makeTask('b')]);
      await store.appendJournal([makeEntry(1, { taskId: 'a' }), makeEntry(2, { taskId: 'b' })]);
      await store.deleteTask('a');
      await store.removeAllTasks();
      assertSame(await allNumbers(store), [2, 1]);
    },
  },
};

/** Where the journal is encrypted, and outlives the store. */
export const JOURNAL_KEYS: ContractSection = {
  title: 'journal under keys',
  tests: {
    'says which entries another key has written, finds actors under each key, and is written anew': async (bench) => {
      const first = await bench.open();
      if (!outlives(bench, first)) return;
      const secret = makeEntry(1, { actor: 'anna', reason: 'hidden-reason', details: { said: 'hidden-detail' } });
      await first.appendJournal([secret]);
      await bench.shutdown(first);
      const other = await bench.open({ secret: OTHER_SECRET });
      await other.appendJournal([makeEntry(2, { actor: 'anna' })]);
      const { entries } = await other.journal({}, { limit: 5 });
      assertSame(numbers(entries), [2, 1]);
      assertSame(
        [entries[1]!.unreadable?.reason, entries[1]!.actor, entries[1]!.kind],
        ['wrong-key', null, 'task.paused'],
      );
      assertSame(await allNumbers(other, { actor: 'anna' }), [2]);
      await bench.shutdown(other);
      const both = await bench.open({ secret: [OTHER_SECRET, SECRET] });
      const found = await both.journal({ actor: 'anna' }, { limit: 5 });
      assertSame([...found.entries], [makeEntry(2, { actor: 'anna' }), secret]);
      await both.appendJournal(found.entries);
      await bench.shutdown(both);
      const after = await bench.open({ secret: OTHER_SECRET });
      assertSame([...(await after.journal({ actor: 'anna' }, { limit: 5 })).entries], [...found.entries]);
    },

    'hides who, why and what from whoever reads what is stored': async (bench) => {
      const store = await bench.open();
      if (!bench.options.dump || !(isAtomic(store) || outlives(bench, store))) return;
      await addJournaled(store, makeTask('visible-id'), {
        journal: [
          makeEntry(1, {
            taskId: 'visible-id',
            actor: 'hidden-actor',
            reason: 'hidden-reason',
            changes: [{ field: 'args', after: ['hidden-argument'] }],
            details: { note: 'hidden-detail' },
          }),
        ],
      });
      const dump = Buffer.from(await bench.options.dump(bench.request)).toString('latin1');
      assert.ok(dump.includes(makeEntry(1).id) || dump.includes('visible-id'), 'the dump does not hold what is stored');
      for (const text of ['hidden-actor', 'hidden-reason', 'hidden-argument', 'hidden-detail']) {
        assert.ok(!dump.includes(text), `${text} is stored in clear`);
      }
    },
  },
  applies: (_, encrypted) => encrypted,
};
