import assert from 'node:assert/strict';
import type { TaskRecord } from '../../model/task.js';
import type { Change } from '../../model/change.js';
import { assertRejects, withRetries } from '../rejection.js';
import { assertSame } from '../same-value.js';
import { idsOf } from '../store.bench.js';
import { makeRun, makeTask } from '../task.fixtures.js';
import type { ContractSection } from './contract.section.js';

function change(task: TaskRecord, state: Partial<TaskRecord['state']>): Change<null> {
  return { task: { ...task, state: { ...task.state, ...state } }, history: [], value: null };
}

export const TRANSACT: ContractSection = {
  title: 'changes in one step',
  tests: {
    'reads, changes and counts the version up by one': async (bench) => {
      const store = await bench.open();
      const now = await store.now();
      await store.addTask(makeTask('a', { nextRunTime: now + 5 }));
      const seen: TaskRecord[] = [];
      const result = await store.transact({ ids: ['a'] }, (task, storeNow) => {
        assert.ok(storeNow >= now, 'the clock went back');
        seen.push(task);
        return { ...change(task, { nextRunTime: now + 7 }), value: 'told' };
      });
      const stored = await bench.task(store, 'a');
      assertSame(seen.at(-1), makeTask('a', { nextRunTime: now + 5 }));
      assert.equal(stored.version, 2);
      assert.equal(stored.state.nextRunTime, now + 7);
      assertSame([...result.committed], [{ id: 'a', task: stored, value: 'told' }]);
      assertSame([...result.missing], []);
      assertSame([...result.unreadable], []);
      assertSame([...result.failed], []);
      assert.ok(result.storeNow >= now && result.storeNow <= (await store.now()));
      assert.equal(await store.getNextRunTime(), now + 7);
    },

    'names the ids that are not there': async (bench) => {
      const store = await bench.open();
      await store.addTasks([makeTask('a'), makeTask('b')]);
      const result = await store.transact({ ids: ['x', 'b', 'y'] }, (task) => change(task, { failuresInARow: 1 }));
      assertSame([...result.missing].sort(), ['x', 'y']);
      assertSame(idsOf(result.committed), ['b']);
      assert.equal((await bench.task(store, 'a')).version, 1);
    },

    'leaves a task alone when there is nothing to change': async (bench) => {
      const store = await bench.open();
      await store.addTasks([makeTask('a'), makeTask('b')]);
      const result = await store.transact({ ids: ['a', 'b'] }, (task) =>
        task.id === 'a' ? null : change(task, { failuresInARow: 1 }),
      );
      assertSame(idsOf(result.committed), ['b']);
      assertSame(await store.lookupTask('a'), makeTask('a'));
      assert.equal((await bench.task(store, 'b')).version, 2);
    },

    'takes an id that is given twice as given once': async (bench) => {
      const store = await bench.open();
      await store.addTask(makeTask('a'));
      const result = await store.transact({ ids: ['a', 'none', 'a', 'none'] }, (task) =>
        change(task, { scheduledCount: task.state.scheduledCount + 1 }),
      );
      assertSame(idsOf(result.committed), ['a']);
      assertSame([...result.missing], ['none']);
      const { state, version } = await bench.task(store, 'a');
      assertSame([state.scheduledCount, version], [1, 2]);
    },

    'does nothing for no ids': async (bench) => {
      const store = await bench.open();
      await store.addTask(makeTask('a', { nextRunTime: await store.now() }));
      const result = await store.transact({ ids: [] }, (task) => change(task, {}));
      assertSame([...result.committed], []);
      assertSame([...result.missing], []);
    },

    'deletes a task': async (bench) => {
      const store = await bench.open();
      const now = await store.now();
      await store.addTask(makeTask('a', { nextRunTime: now }));
      const result = await store.transact({ ids: ['a'] }, () => ({ task: null, history: [], value: 1 }));
      assertSame([...result.committed], [{ id: 'a', task: null, value: 1 }]);
      assert.equal(await store.lookupTask('a'), null);
      assert.equal(await store.getNextRunTime(), null);
    },

    'changes the definition too': async (bench) => {
      const store = await bench.open();
      await store.addTask(makeTask('a', { handler: 'old', args: [1] }));
      await store.transact({ ids: ['a'] }, (task) => ({
        task: { ...task, definition: { ...task.definition, handler: 'new', args: [{ two: 2 }], tags: ['t'] } },
        history: [],
        value: null,
      }));
      assertSame(await store.lookupTask('a'), {
        ...makeTask('a', { handler: 'new', args: [{ two: 2 }], tags: ['t'] }),
        version: 2,
      });
      const { tasks } = await store.query({ handler: 'new' }, { by: 'id', descending: false }, { offset: 0, limit: 5 });
      assertSame(idsOf(tasks), ['a']);
    },

    'writes ended runs in the same step': async (bench) => {
      const store = await bench.open();
      await store.addTasks([makeTask('a'), makeTask('b')]);
      const runs = [makeRun('a@1', { taskId: 'a' }), makeRun('a@2', { taskId: 'a', status: 'missed', token: 0 })];
      await store.transact({ ids: ['a', 'b'] }, (task) => ({
        ...change(task, {}),
        history: task.id === 'a' ? runs : [],
      }));
      assertSame([...(await store.runs({}, { limit: 10 })).runs], runs);
    },

    'selects the due tasks in the order of priority, due time and id, up to a limit': async (bench) => {
      const store = await bench.open();
      const now = await store.now();
      await store.addTasks([
        makeTask('d', { nextRunTime: now - 1 }),
        makeTask('c', { nextRunTime: now - 2 }),
        makeTask('b', { nextRunTime: now - 1 }),
        makeTask('a', { nextRunTime: now, policies: { priority: -1 } }),
        makeTask('theirs', { nextRunTime: now - 9, handler: 'theirs' }),
        makeTask('future', { nextRunTime: now + 600_000 }),
      ]);
      const select = async (limit: number, handlers: string[] | null) =>
        idsOf((await store.transact({ due: { limit, handlers } }, (task) => change(task, {}))).committed);
      assertSame(await select(3, ['work']), ['a', 'c', 'b']);
      assertSame(await select(9, ['work', 'theirs']), ['a', 'theirs', 'c', 'b', 'd']);
      assertSame(await select(9, null), ['a', 'theirs', 'c', 'b', 'd']);
      assertSame(await select(9, []), []);
    },

    'names what a decision left alone, as it was read': async (bench) => {
      const store = await bench.open();
      const now = await store.now();
      const tasks = ['a', 'b', 'c'].map((id) => makeTask(id, { nextRunTime: now - 1 }));
      await store.addTasks(tasks);
      for (const selection of [{ ids: ['b', 'a', 'none'] }, { due: { limit: 9, handlers: null } }]) {
        const { left, committed } = await store.transact(selection, (task) =>
          task.id === 'c' ? change(task, {}) : null,
        );
        const found = left.toSorted((x, y) => (x.id < y.id ? -1 : 1));
        assertSame(found, [tasks[0], tasks[1]]);
        assertSame(idsOf(committed), 'due' in selection ? ['c'] : []);
      }
    },

    'tells each decision what was decided before it in the same call': async (bench) => {
      const store = await bench.open();
      const now = await store.now();
      const ids = ['a', 'b', 'c', 'd'];
      await store.addTasks(ids.map((id) => makeTask(id, { nextRunTime: now - 1 })));
      for (const selection of [{ ids }, { due: { limit: 9, handlers: null } }]) {
        const seen = new Map<string, readonly string[]>();
        const { committed } = await store.transact<string>(selection, (task, _storeNow, decided) => {
          seen.set(task.id, [...decided]);
          return task.id === 'b' ? null : { task, value: `value of ${task.id}` };
        });
        assertSame(idsOf(committed), ['a', 'c', 'd']);
        const values = ['a', 'c', 'd'].map((id) => `value of ${id}`);
        assertSame(
          ids.map((id) => seen.get(id)),
          [[], values.slice(0, 1), values.slice(0, 1), values.slice(0, 2)],
        );
      }
    },

    'counts no decision that was not written: a plan that is asked again has the room that it had': async (bench) => {
      const store = await bench.open();
      const other = await bench.other(store);
      const now = await store.now();
      const ids = Array.from({ length: 60 }, (_, at) => `t${String(at).padStart(2, '0')}`);
      await store.addTasks(ids.map((id) => makeTask(id, { nextRunTime: now - 1 })));
      const ROOM = 4;
      /** Starts no more than there is room for; the rest waits, as a claim has it wait. */
      const claimSome = (by: typeof store) =>
        by.transact<'starts' | 'waits'>({ due: { limit: 6, handlers: null } }, (task, _storeNow, decided) => {
          const value = decided.filter((one) => one === 'starts').length < ROOM ? 'starts' : 'waits';
          return { ...change(task, { nextRunTime: now + 600_000 }), value };
        });
      for (let round = 0; round < 40; round += 1) {
        const answers = await Promise.all([claimSome(store), claimSome(other)]);
        for (const { committed } of answers) {
          const starts = committed.filter(({ value }) => value === 'starts').length;
          const waits = committed.length - starts;
          assert.ok(starts <= ROOM, `${starts} were started where there is room for ${ROOM}`);
          assert.ok(waits === 0 || starts === ROOM, `${waits} wait although only ${starts} of ${ROOM} were started`);
        }
        if ((await store.getNextRunTime())! > now) break;
      }
      for (const id of ids) assert.equal((await bench.task(store, id)).version, 2, `${id} was not taken once`);
    },

    'leaves a task as it was when the decision about it throws, and tells what it did to the others': async (bench) => {
      const store = await bench.open();
      const now = await store.now();
      const ids = ['a', 'b', 'c'];
      await store.addTasks(ids.map((id) => makeTask(id, { nextRunTime: now - 1 })));
      const before = new Map((await store.getAllTasks()).map((task) => [task.id, task]));
      const decide = (task: TaskRecord): Change<null> => {
        if (task.id === 'b') throw new Error('no decision about b');
        return { ...change(task, { nextRunTime: now + 600_000 }), history: [makeRun(task.id, { taskId: task.id })] };
      };
      for (const selection of [{ due: { limit: 9, handlers: null } }, { ids }]) {
        let committed = new Set<string>();
        try {
          const result = await store.transact(selection, decide);
          committed = new Set(idsOf(result.committed));
          assertSame(idsOf(result.failed), ['b']);
        } catch (error) {
          assert.equal((error as Error).message, 'no decision about b');
        }
        for (const id of ids) {
          const { runs } = await store.runs({ taskId: id }, { limit: 5 });
          const task = await bench.task(store, id);
          if (committed.has(id)) {
            assert.equal(task.state.nextRunTime, now + 600_000);
            assert.equal(runs.length, 1);
            before.set(id, task);
          } else {
            assertSame(task, before.get(id));
          }
        }
        assert.equal((await store.runs({ taskId: 'b' }, { limit: 5 })).runs.length, 0);
      }
    },

    'loses no change when two schedulers change the same task at the same time': async (bench) => {
      const store = await bench.open();
      const other = await bench.other(store);
      await store.addTask(makeTask('a'));
      const count = async (by: typeof store) => {
        for (let left = 20; left > 0; left -= 1) {
          await withRetries(async () => {
            await by.transact({ ids: ['a'] }, (task) =>
              change(task, { scheduledCount: task.state.scheduledCount + 1 }),
            );
          });
        }
      };
      await Promise.all([count(store), count(other)]);
      const task = await bench.task(store, 'a');
      assert.equal(task.state.scheduledCount, 40);
      assert.equal(task.version, 41);
    },

    'keeps an edit that is made elsewhere while tasks are changed': async (bench) => {
      const store = await bench.open();
      const other = await bench.other(store);
      const now = await store.now();
      const ids = Array.from({ length: 20 }, (_, at) => `t${at}`);
      await store.addTasks(ids.map((id) => makeTask(id, { nextRunTime: now - 1 })));
      const pauseAll = async () => {
        for (const id of ids) {
          await withRetries(async () => {
            await other.transact({ ids: [id] }, (task) =>
              change(task, { pause: { at: now, reason: 'elsewhere', actor: null } }),
            );
          });
        }
      };
      const countAll = async () => {
        for (let left = 5; left > 0; left -= 1) {
          await withRetries(async () => {
            await store.transact({ due: { limit: 100, handlers: null } }, (task) =>
              change(task, { scheduledCount: task.state.scheduledCount + 1 }),
            );
          });
        }
      };
      await Promise.all([pauseAll(), countAll()]);
      for (const id of ids) {
        const { state, version } = await bench.task(store, id);
        assert.equal(state.pause?.reason, 'elsewhere', `the pause of ${id} was overwritten`);
        assert.equal(version, 2 + state.scheduledCount, `a change of ${id} was overwritten`);
      }
    },

    'refuses a replacement that was based on what was there before': async (bench) => {
      const store = await bench.open();
      const other = await bench.other(store);
      await store.addTask(makeTask('a'));
      const read = await bench.task(other, 'a');
      await store.transact({ ids: ['a'] }, (task) => change(task, { failuresInARow: 3 }));
      await assertRejects(
        () => other.updateTask({ ...read, version: read.version + 1 }, read.version),
        'ASYNCZ_VERSION_CONFLICT',
      );
      assert.equal((await bench.task(store, 'a')).state.failuresInARow, 3);
    },
  },
};
