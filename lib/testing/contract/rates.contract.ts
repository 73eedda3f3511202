import assert from 'node:assert/strict';
import { SchedulerProbe } from '../scheduler.probe.js';
import type { ContractSection } from './contract.section.js';

const MAX = 2;
const PER_MS = 1_000;
const COUNT = 5;

export const RATES: ContractSection = {
  title: 'limits of rates',
  tests: {
    'hold by the clock of the store when two schedulers start runs at the same time, and nothing waits for long':
      async (bench) => {
        const probe = new SchedulerProbe(bench, COUNT, []);
        const { first, second } = await probe.createTwo();
        const starts: number[] = [];
        for (const scheduler of new Set([first.scheduler, second.scheduler])) {
          scheduler.addListener(({ run }) => void starts.push(run.startedAt!), 'run.succeeded');
        }
        const schedulers = [first.scheduler, second.scheduler];
        await probe.done(Promise.all(schedulers.map((scheduler) => scheduler.start())), 'the schedulers to start');
        const ids = Array.from({ length: COUNT }, (_, at) => `t${at}`);
        const rateLimit = { max: MAX, per: PER_MS };
        const adding = ids.map((id, at) =>
          schedulers[at % 2]!.addTask({ id, handler: 'work', args: ['kit'], rateLimit }),
        );
        await probe.done(Promise.all(adding), 'the tasks to be added');
        await probe.ran(Object.fromEntries(ids.map((id) => [id, 1])));
        await probe.shutdown();
        starts.sort((a, b) => a - b);
        for (let at = MAX; at < COUNT; at += 1) {
          const apart = starts[at]! - starts[at - MAX]!;
          assert.ok(apart > PER_MS, `${MAX + 1} runs started within ${apart} ms, and the limit is ${MAX} in ${PER_MS}`);
        }
      },
  },
};
