import assert from 'node:assert/strict';
import type { LiveRun, StoredStep } from '../../model/run.js';
import type { StoredOutput } from '../../model/run.output.js';
import { assertSame } from '../same-value.js';
import { makeLiveRun, makeRun, makeTask } from '../task.fixtures.js';
import type { ContractSection } from './contract.section.js';
import { writeRuns } from './history.contract.js';

const STEPS: readonly StoredStep[] = [
  { name: 'charge "4711"\\', at: 1_577_880_000_123, result: '{"result":{"id":"ünïcode 😀"}}' },
  { name: '__proto__', at: 1_577_880_000_124 },
  { name: 'sleep 1', at: 1_577_880_000_124, until: 1_577_887_200_124 },
  { name: 'large', at: 1_577_880_000_125, result: JSON.stringify({ result: 'x'.repeat(60_000) }) },
];

const OUTPUT: StoredOutput = {
  lines: [
    { at: 1_577_880_000_123, level: 'warn', message: 'ünïcode 😀 "\\', stack: 'Error: x\n    at y' },
    { at: 1_577_880_000_124, level: 'log', message: '' },
  ],
  dropped: 3,
  progress: { at: 1_577_880_000_125, value: '{"result":50}' },
};

export const STEPS_OF_RUNS: ContractSection = {
  title: 'steps',
  tests: {
    'keeps the steps of a run that has not ended, and lets some be added': async (bench) => {
      const store = await bench.open();
      const [first, ...more] = STEPS;
      await store.addTask(makeTask('a', { state: { live: [makeLiveRun('a@1', { steps: [first!], asleep: true })] } }));
      await store.transact({ ids: ['a'] }, (task) => {
        const live = task.state.live.map((run): LiveRun => ({
          ...run,
          steps: [...run.steps!, ...more],
          output: OUTPUT,
        }));
        return { task: { ...task, state: { ...task.state, live } }, value: null };
      });
      const [run] = (await bench.task(store, 'a')).state.live;
      assertSame(run?.steps, STEPS);
      assertSame(run?.output, OUTPUT);
      assert.equal(run?.asleep, true, 'it does not say that the run sleeps');
    },

    'keeps the steps of a dead run, and none of others': async (bench) => {
      const store = await bench.open();
      const [dead, other] = [
        makeRun('r1', { dead: true, steps: STEPS, output: OUTPUT, result: undefined }),
        makeRun('r2'),
      ];
      await writeRuns(store, [dead, other]);
      const { runs } = await store.runs({}, { limit: 5 });
      assertSame(runs.find(({ id }) => id === 'r1')?.steps, STEPS);
      assertSame(runs.find(({ id }) => id === 'r1')?.output, OUTPUT);
      const without = runs.find(({ id }) => id === 'r2')!;
      assert.ok(!('steps' in without), 'a run without steps has some');
      assert.ok(!('output' in without), 'a run that has said nothing has said something');
    },

    'commits what is changed in a transaction that it opens, or nothing': async (bench) => {
      const store = await bench.open();
      if (!store.transaction) return;
      assert.equal(
        store.capabilities.transactionalChanges,
        true,
        'it opens transactions that nothing can be changed in',
      );
      await store.addTasks([makeTask('a', { state: { live: [makeLiveRun('a@1')] } }), makeTask('b')]);
      const keepStep = (transaction: unknown, id: string) =>
        store.transact(
          { ids: [id] },
          (task) => {
            const live = task.state.live.map((run): LiveRun => ({ ...run, steps: STEPS }));
            return { task: { ...task, state: { ...task.state, live, scheduledCount: 7 } }, value: null };
          },
          { transaction },
        );
      const done = await store.transaction(async (transaction) => {
        await keepStep(transaction, 'a');
        return 'what the work gives';
      });
      assert.equal(done, 'what the work gives');
      assertSame((await bench.task(store, 'a')).state.live[0]?.steps, STEPS);
      const fault = new Error('roll back');
      await assert.rejects(
        store.transaction(async (transaction) => {
          await keepStep(transaction, 'b');
          throw fault;
        }),
        fault,
      );
      assert.equal((await bench.task(store, 'b')).state.scheduledCount, 0);
    },
  },
};
