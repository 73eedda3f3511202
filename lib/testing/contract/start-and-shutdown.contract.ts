import assert from 'node:assert/strict';
import type { TaskRecord } from '../../model/task.js';
import { claimDue, finishRuns } from '../store.steps.js';
import { resultOf, startDue } from '../plan.fixtures.js';
import { assertSame } from '../same-value.js';
import { idsOf } from '../store.bench.js';
import { makeLiveRun, makeRun, makeTask } from '../task.fixtures.js';
import type { ContractSection } from './contract.section.js';
import { writeRuns } from './history.contract.js';

export const START_AND_SHUTDOWN: ContractSection = {
  title: 'start and shutdown',
  tests: {
    'says where it is in one line, after a shutdown too, or nothing': async (bench) => {
      const store = await bench.open();
      const { address } = store;
      await bench.shutdown(store);
      if (address === undefined) assert.equal(store.address, undefined);
      else {
        assert.match(address, /^\S.*\S$/);
        assert.equal(typeof store.address, 'string');
      }
    },

    'keeps everything over a restart where it says that it is durable': async (bench) => {
      const first = await bench.open();
      const now = await first.now();
      await first.addTasks([
        makeTask('run', { nextRunTime: now - 1, args: [new Date(5)] }),
        makeTask('later', { nextRunTime: now + 600_000 }),
        makeTask('paused', { nextRunTime: now - 1, state: { pause: { at: now, reason: 'r', actor: 'a' } } }),
      ]);
      const request = { limit: 9, handlers: ['work'], owner: 'x', leaseMs: 600_000 };
      const { claimed } = await claimDue(first, request, startDue('x', 600_000));
      assertSame(idsOf(claimed), ['run']);
      const tasks = await first.getAllTasks();
      const { durable } = first.capabilities;
      await bench.shutdown(first);
      const second = await bench.open();
      assertSame([...(await second.getAllTasks())], durable ? [...tasks] : []);
      if (!durable) return;
      assert.equal(await second.getNextRunTime(), now + 600_000);
      const { task, start } = claimed[0]!;
      const { settled } = await finishRuns(second, [resultOf(task!, start[0]!, 'succeeded')]);
      assert.equal(settled.length, 1);
      assert.equal(await second.lookupTask('run'), null);
    },

    'keeps the history over a restart, unless it says that it does not': async (bench) => {
      const first = await bench.open();
      const run = makeRun('r', { result: new Date(5) });
      await writeRuns(first, [run]);
      await bench.shutdown(first);
      const second = await bench.open();
      const keeps = first.capabilities.durable && bench.options.keepsHistory !== false;
      assertSame([...(await second.runs({}, { limit: 5 })).runs], keeps ? [run] : []);
    },

    'lets the runs of a process that was killed be taken over after a restart': async (bench) => {
      const first = await bench.open();
      if (!first.capabilities.durable) return;
      await first.addTask(makeTask('a', { nextRunTime: (await first.now()) - 1 }));
      const lease = bench.shortLeaseMs;
      await claimDue(first, { limit: 9, handlers: null }, startDue('killed', lease));
      await bench.shutdown(first);
      const second = await bench.open();
      const [run] = await bench.until(async () => {
        const request = { limit: 9, handlers: null };
        const { claimed } = await claimDue(second, request, startDue('heir', 600_000));
        return claimed[0]?.start;
      }, 'the lease of a killed process to run out');
      assert.equal(run!.attempt, 2);
    },

    'sees nothing of the data of another namespace': async (bench) => {
      const store = await bench.open();
      await store.addTask(makeTask('a'));
      await writeRuns(store, [makeRun('r')]);
      const elsewhere = await bench.openElsewhere();
      assertSame([...(await elsewhere.getAllTasks())], []);
      assertSame([...(await elsewhere.runs({}, { limit: 5 })).runs], []);
      await elsewhere.addTask(makeTask('a', { name: 'elsewhere' }));
      assert.equal(await elsewhere.removeAllTasks(), 1);
      assert.equal((await bench.task(store, 'a')).definition.name, 'a');
    },

    'shows every change to another scheduler at once': async (bench) => {
      const store = await bench.open();
      const other = await bench.other(store);
      const now = await store.now();
      assert.equal(await other.getNextRunTime(), null);
      await store.addTask(makeTask('a', { nextRunTime: now - 1 }));
      assert.equal(await other.getNextRunTime(), now - 1);
      assertSame(idsOf(await other.getDueTasks(now)), ['a']);
      await other.updateTask({ ...makeTask('a', { nextRunTime: now + 600_000 }), version: 2 }, 1);
      assert.equal(await store.getNextRunTime(), now + 600_000);
      assertSame(idsOf(await store.getDueTasks(now)), []);
      await store.deleteTask('a');
      assert.equal(await other.lookupTask('a'), null);
      assertSame([...(await other.getAllTasks())], []);
    },

    'can be started again after a shutdown': async (bench) => {
      const store = await bench.open();
      await bench.shutdown(store);
      await bench.start(store);
      await store.addTask(makeTask('a', { nextRunTime: await store.now() }));
      assertSame(idsOf(await store.getAllTasks()), ['a']);
    },

    'gives a clock that does not stand still or run away': async (bench) => {
      const store = await bench.open();
      const before = await store.now();
      assert.ok(Number.isSafeInteger(before), `now() gives whole milliseconds, not ${before}`);
      await bench.passed(store, before);
      assert.ok((await store.now()) - before < 60_000);
    },
  },
};

export const BORROWED: ContractSection = {
  title: 'a connection that was handed in',
  tests: {
    'is used, and left open by a shutdown': async (bench) => {
      const { store, isOpen, close } = await bench.options.borrow!(bench.request);
      try {
        await bench.start(store);
        await store.addTask(makeTask('a', { nextRunTime: await store.now() }));
        assertSame(idsOf(await store.getAllTasks()), ['a']);
        assert.equal(await isOpen(), true);
        await bench.shutdown(store);
        assert.equal(await isOpen(), true, 'the shutdown closed a connection that it had not opened');
      } finally {
        await close();
      }
    },
  },
  applies: ({ borrow }) => borrow !== undefined,
};

export const TRANSACTIONS: ContractSection = {
  title: "adds in the caller's transaction",
  tests: {
    'are there when it commits, and not when it rolls back': async (bench) => {
      const store = await bench.open();
      const { transaction } = bench.options;
      if (!store.capabilities.transactionalAdds) return;
      assert.ok(transaction, 'The store says that adds can be transactional. Give the kit the option "transaction".');
      await transaction(bench.request, async (own) => {
        await store.addTask(makeTask('committed'), { transaction: own });
      });
      const rollback = new Error('roll back');
      await assert.rejects(
        (async () =>
          transaction(bench.request, async (own) => {
            await store.addTask(makeTask('rolled-back'), { transaction: own });
            throw rollback;
          }))(),
      );
      assertSame(idsOf(await store.getAllTasks()), ['committed']);
    },

    'are many at once as well': async (bench) => {
      const store = await bench.open();
      const { transaction } = bench.options;
      if (!store.capabilities.transactionalAdds) return;
      assert.ok(transaction, 'The store says that adds can be transactional. Give the kit the option "transaction".');
      await transaction(bench.request, async (own) => {
        assertSame([...(await store.addTasks([makeTask('a'), makeTask('b')], { transaction: own }))], []);
        assertSame([...(await store.addTasks([], { transaction: own }))], []);
      });
      await assert.rejects(
        (async () =>
          transaction(bench.request, async (own) => {
            await store.addTasks([makeTask('c'), makeTask('d')], { transaction: own });
            throw new Error('roll back');
          }))(),
      );
      assertSame(idsOf(await store.getAllTasks()), ['a', 'b']);
    },
  },
};

export const TRANSACTIONAL_CHANGES: ContractSection = {
  title: "changes in the caller's transaction",
  tests: {
    'are there when it commits, and not when it rolls back': async (bench) => {
      const store = await bench.open();
      const { transaction } = bench.options;
      if (!store.capabilities.transactionalChanges) return;
      assert.ok(
        transaction,
        'The store says that changes can be transactional. Give the kit the option "transaction".',
      );
      await store.addTasks([makeTask('a'), makeTask('b')]);
      const count = (task: TaskRecord) => ({
        task: { ...task, state: { ...task.state, scheduledCount: task.state.scheduledCount + 1 } },
        history: [],
        value: 'told',
      });
      await transaction(bench.request, async (own) => {
        const done = await store.transact({ ids: ['a', 'none'] }, count, { transaction: own });
        assertSame(
          done.committed.map(({ id, value }) => [id, value]),
          [['a', 'told']],
        );
        assertSame([...done.missing], ['none']);
      });
      const rollback = new Error('roll back');
      await assert.rejects(
        (async () =>
          transaction(bench.request, async (own) => {
            await store.transact({ ids: ['b'] }, count, { transaction: own });
            throw rollback;
          }))(),
      );
      const [a, b] = [await bench.task(store, 'a'), await bench.task(store, 'b')];
      assertSame([a.state.scheduledCount, a.version, b.state.scheduledCount, b.version], [1, 2, 0, 1]);
    },

    'remove tasks and keep ended runs with the commit, and neither with a roll-back': async (bench) => {
      const store = await bench.open();
      const { transaction } = bench.options;
      if (!store.capabilities.transactionalChanges) return;
      assert.ok(
        transaction,
        'The store says that changes can be transactional. Give the kit the option "transaction".',
      );
      await store.addTasks([makeTask('a'), makeTask('b')]);
      const end = ({ id }: TaskRecord) => ({
        task: null,
        history: [makeRun(`${id}@1`, { taskId: id })],
        value: null,
      });
      const found = async () => [
        idsOf(await store.getAllTasks()),
        (await store.runs({}, { limit: 10 })).runs.map(({ id }) => id),
      ];
      await assert.rejects(
        (async () =>
          transaction(bench.request, async (own) => {
            const { committed } = await store.transact({ ids: ['a'] }, end, { transaction: own });
            assertSame(committed, [{ id: 'a', task: null, value: null }]);
            throw new Error('roll back');
          }))(),
      );
      assertSame(await found(), [['a', 'b'], []]);
      await transaction(bench.request, async (own) => {
        await store.transact({ ids: ['a'] }, end, { transaction: own });
      });
      assertSame(await found(), [['b'], ['a@1']]);
    },
  },
};

export const SECRECY: ContractSection = {
  title: 'encryption',
  tests: {
    'hides arguments, results and errors from whoever reads what is stored': async (bench) => {
      const store = await bench.open();
      const id = 'visible-id';
      const steps = [{ name: 'hidden-step', at: 5, result: '{"result":"hidden-result"}' }];
      const live = [makeLiveRun('r0', { steps })];
      await store.addTask(makeTask(id, { args: ['hidden-argument'], state: { live } }));
      await writeRuns(store, [
        makeRun('r1', { result: 'hidden-result' }),
        makeRun('r2', {
          error: { name: 'E', message: 'hidden-error', code: null, stack: null, cause: null, errors: [] },
        }),
      ]);
      const dump = Buffer.from(await bench.options.dump!(bench.request)).toString('latin1');
      assert.ok(
        dump.includes(id),
        `the dump of ${dump.length} bytes does not hold ${JSON.stringify(id)}, the id of a task that was just added. ` +
          'It has to be everything that is stored: of a database in a file, the write-ahead log beside it too.',
      );
      for (const secret of ['hidden-argument', 'hidden-result', 'hidden-error', 'hidden-step']) {
        assert.ok(!dump.includes(secret), `${secret} is stored in clear`);
      }
    },
  },
  applies: ({ dump }, encrypted) => dump !== undefined && encrypted,
};
