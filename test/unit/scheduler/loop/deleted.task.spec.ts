import { describe, expect, it } from 'vitest';
import { MemoryStore } from 'nestjs-asyncz';
import type { Scheduler } from 'nestjs-asyncz';
import type { RunRecord } from '../../../../lib/model/run.js';
import { HeldTasks } from '../../../../lib/scheduler/loop/held.tasks.js';
import { createStoreContext, makeRun } from 'nestjs-asyncz/testing';
import { keepOrphanedEnd } from '../../../../lib/scheduler/loop/orphaned.end.js';
import { nextEvent, recordEvents } from '../../../support/events.js';
import { createScheduler, settle } from '../../../support/scheduler.factory.js';

/** A scheduler with a run under way, which ends when it is told to. */
async function underway(outcome: () => unknown) {
  let end = () => {};
  const gate = new Promise<void>((resolve) => (end = resolve));
  const { scheduler, clock } = createScheduler({
    work: async () => {
      await gate;
      return outcome();
    },
  });
  await scheduler.start();
  const started = nextEvent(scheduler, 'run.started');
  await scheduler.addTask({ id: 'a', handler: 'work', retry: 3 });
  await started;
  return { scheduler, clock, end };
}

const runsOf = async (scheduler: Scheduler) => (await scheduler.getRuns({ taskId: 'a' })).runs;

describe('a run whose task is deleted while it is under way', () => {
  it('is in the history when it has ended', async () => {
    const { scheduler, clock, end } = await underway(() => 7);
    const events = recordEvents(scheduler);
    await scheduler.deleteTask('a');
    clock.advance(200);
    end();
    await nextEvent(scheduler, 'run.succeeded');
    expect(await runsOf(scheduler)).toMatchObject([{ taskId: 'a', status: 'succeeded', attempt: 1, result: 7 }]);
    expect(events.map(({ name }) => name)).toEqual(['task.removed', 'run.succeeded']);
  });

  it('is there as failed, and no attempt follows', async () => {
    const { scheduler, end } = await underway(() => {
      throw new Error('no luck');
    });
    await scheduler.deleteTask('a');
    end();
    expect(await nextEvent(scheduler, 'run.failed')).toMatchObject({ willRetry: false });
    expect(await runsOf(scheduler)).toMatchObject([{ status: 'failed', dead: true, error: { message: 'no luck' } }]);
  });

  it('is there also when it was aborted, because its lease could not be renewed', async () => {
    const { scheduler, clock, end } = await underway(() => {
      throw new Error('aborted');
    });
    await scheduler.deleteTask('a');
    const fenced = nextEvent(scheduler, 'run.fenced');
    clock.advance(10_000);
    await fenced;
    end();
    for (let turn = 0; turn < 20; turn += 1) await settle();
    expect(await runsOf(scheduler)).toMatchObject([{ taskId: 'a', attempt: 1 }]);
  });

  it('is there beside those of the task that has its id now', async () => {
    const { scheduler, clock, end } = await underway(() => 'old');
    await scheduler.deleteTask('a');
    clock.advance(1_000);
    await scheduler.addTask({ id: 'a', handler: 'work', trigger: { type: 'interval', hours: 1 } });
    end();
    await nextEvent(scheduler, 'run.succeeded');
    expect(await runsOf(scheduler)).toMatchObject([{ status: 'succeeded', result: 'old' }]);
    expect((await scheduler.getTask('a'))?.info.state).toBe('scheduled');
  });

  it('is not there beside what has been recorded by whoever took the run over', async () => {
    const store = new MemoryStore();
    store.start(createStoreContext());
    await store.saveRuns([makeRun('r', { attempt: 2, token: 20 })]);
    const endOf = (record: RunRecord) => ({
      record,
      taskId: record.taskId,
      runId: 'r',
      token: record.token,
      retryAt: null,
    });
    const known = new HeldTasks();
    expect(await keepOrphanedEnd(store, endOf(makeRun('r', { attempt: 1, token: 10 })), known)).toBe(false);
    expect(await keepOrphanedEnd(store, endOf(makeRun('r', { attempt: 3, token: 30 })), known)).toBe(true);
    expect((await store.runs({}, { limit: 9 })).runs.map(({ attempt }) => attempt)).toEqual([3, 2]);
  });
});
