import assert from 'node:assert/strict';
import type { Scheduler } from '../../scheduler/scheduler.js';
import type { Store } from '../../stores/store.interface.js';
import { assertSame } from '../same-value.js';
import { SchedulerProbe } from '../scheduler.probe.js';
import { makeLiveRun, makeTask } from '../task.fixtures.js';
import type { ContractSection } from './contract.section.js';

const LIMIT = 2;
const HOUR_MS = 3_600_000;

/** A task of a group, which its handler is told by an argument. */
function grouped(id: string, group = 'kit') {
  return { id, handler: 'work', args: [group], group, groupLimit: LIMIT };
}

function ofEach(trigger: 'startup' | 'shutdown') {
  const type = { type: trigger } as { type: 'startup' };
  return [1, 2, 3].map((at) => ({ ...grouped(`${trigger}-${at}`), trigger: type }));
}

/** A run whose scheduler has died. */
async function addLost(store: Store): Promise<void> {
  const now = await store.now();
  const run = { status: 'running', owner: 'dead', token: 1, startedAt: now - HOUR_MS, leaseUntil: now - 1 } as const;
  const live = [makeLiveRun('lost@1', { ...run, scheduledTime: now - HOUR_MS, availableAt: now - HOUR_MS })];
  const { id, args, group, groupLimit } = grouped('lost');
  const state = { live, lastToken: 1, exhausted: true };
  await store.addTask(makeTask(id, { args, policies: { group, groupLimit }, state }));
}

/** Has runs started in every way but by a start or a stop. Returns how many of each task succeed. */
async function startRuns(one: Scheduler, other: Scheduler, store: Store): Promise<Record<string, number>> {
  await addLost(store);
  await other.addTask(grouped('once'));
  await one.addTask({ ...grouped('retried'), retry: { attempts: 2, backoff: 'fixed', delay: 1 } });
  await one.addTask(grouped('redriven'));
  const now = await store.now();
  const hourly = { type: 'interval', hours: 1, startAt: now - 2.5 * HOUR_MS } as const;
  for (const id of ['asked', 'backfilled']) await one.addTask({ ...grouped(id), trigger: hourly, overlap: 'allow' });
  await one.runTask('asked');
  await other.runTask('asked');
  const backfilled = await other.backfillTask('backfilled', { from: now - 2 * HOUR_MS, to: now - 1 });
  return { lost: 1, once: 1, retried: 1, redriven: 1, asked: 2, backfilled: backfilled.length };
}

export const GROUPS: ContractSection = {
  title: 'limits of groups',
  tests: {
    'hold however a run is started: by the schedule, by hand, again, after a crash, at a start, at a stop': async (
      bench,
    ) => {
      const probe = new SchedulerProbe(bench, LIMIT, ['retried', 'redriven']);
      const { first, second } = await probe.createTwo();
      first.scheduler.declareTasks(ofEach('startup'));
      await probe.done(Promise.all([first.scheduler.start(), second.scheduler.start()]), 'the schedulers to start');
      const adding = startRuns(first.scheduler, second.scheduler, second.store);
      await probe.done(adding, 'the tasks to be added');
      const expected = await adding;
      await probe.until(() => probe.dead.length > 0, 'a run to fail');
      const [{ runId, scheduler }] = probe.dead as [(typeof probe.dead)[number]];
      await probe.done(scheduler.redriveRun(runId), 'the dead run to be given another attempt');
      await probe.ran({ ...expected, 'startup-1': 1, 'startup-2': 1, 'startup-3': 1 });
      for (const task of ofEach('shutdown')) await first.scheduler.addTask(task);
      await probe.shutdown();
      await probe.ran({ 'shutdown-1': 1, 'shutdown-2': 1, 'shutdown-3': 1 });
      assertSame(Object.fromEntries(Object.keys(expected).map((id) => [id, probe.succeeded.get(id)])), expected);
      assert.equal(probe.most, LIMIT, `there is room for ${LIMIT} runs, and only ${probe.most} were under way`);
    },

    'hold from the first runs on, which two schedulers start at the same time': async (bench) => {
      const probe = new SchedulerProbe(bench, LIMIT, []);
      const { first, second } = await probe.createTwo();
      const schedulers = [first.scheduler, second.scheduler];
      await probe.done(Promise.all(schedulers.map((scheduler) => scheduler.start())), 'the schedulers to start');
      const ids = Array.from({ length: 12 }, (_, at) => `t${at}`);
      const adding = ids.map((id, at) => schedulers[at % 2]!.addTask(grouped(id, `kit-${Math.floor(at / 4)}`)));
      await probe.done(Promise.all(adding), 'the tasks to be added');
      await probe.ran(Object.fromEntries(ids.map((id) => [id, 1])));
      await probe.shutdown();
    },
  },
};
