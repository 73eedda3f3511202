import { describe, expect, it } from 'vitest';
import { InvalidOptionError, VersionConflictError } from 'nestjs-asyncz';
import type { Scheduler } from 'nestjs-asyncz';
import { createRunning, START } from '../../../support/scheduler.factory.js';

const HOURLY = { type: 'interval', hours: 1, startAt: new Date(START - 1) } as const;

type Options = { readonly expectedVersion: number };

const CHANGES: Record<string, (scheduler: Scheduler, options: Options) => Promise<unknown>> = {
  updateTask: (scheduler, options) => scheduler.updateTask('a', { name: 'b' }, options),
  rescheduleTask: (scheduler, options) => scheduler.rescheduleTask('a', { type: 'interval', hours: 2 }, options),
  pauseTask: (scheduler, options) => scheduler.pauseTask('a', options),
  resumeTask: (scheduler, options) => scheduler.resumeTask('a', options),
  runTask: (scheduler, options) => scheduler.runTask('a', options),
  backfillTask: (scheduler, options) => scheduler.backfillTask('a', { from: START - 2, to: START, ...options }),
  deleteTask: (scheduler, options) => scheduler.deleteTask('a', options),
};

describe('a change for one version of a task', () => {
  it.each(Object.keys(CHANGES))('is made of that, and refused for any other: %s', async (name) => {
    const change = CHANGES[name]!;
    const { scheduler } = await createRunning({ work: () => {} });
    const { version } = await scheduler.addTask({ id: 'a', handler: 'work', trigger: HOURLY, paused: true });
    const before = await scheduler.getTaskInfo('a');
    await expect(change(scheduler, { expectedVersion: version + 1 })).rejects.toThrow(VersionConflictError);
    await expect(change(scheduler, { expectedVersion: 0.5 })).rejects.toThrow(InvalidOptionError);
    expect(await scheduler.getTaskInfo('a')).toEqual(before);
    await change(scheduler, { expectedVersion: version });
  });

  it('is refused of the second of two that have read the same', async () => {
    const { scheduler } = await createRunning({ work: () => {} });
    const { version } = await scheduler.addTask({ id: 'a', handler: 'work', trigger: HOURLY });
    const both = ['x', 'y'].map((name) => scheduler.updateTask('a', { name }, { expectedVersion: version }));
    const settled = await Promise.allSettled(both);
    expect(settled.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
    const rejected = settled.find((one) => one.status === 'rejected');
    expect(rejected!.reason).toMatchObject({ expectedVersion: version, actualVersion: version + 1 });
  });
});

describe('operations on many', () => {
  it('run each task that meets a filter, once for each call', async () => {
    const ran: string[] = [];
    const { scheduler } = await createRunning({ work: (_args, { task }) => void ran.push(task.id) });
    for (const id of ['a', 'b']) await scheduler.addTask({ id, handler: 'work', tags: [id], trigger: HOURLY });
    expect(await scheduler.runTasks({ tag: 'a' }, { actor: 'ann' })).toEqual({ changed: 1, unchanged: 0, refused: 0 });
    const { runs } = await untilRun(scheduler, 1);
    expect(runs).toMatchObject([{ taskId: 'a', source: 'manual', request: { actor: 'ann', reason: null } }]);
  });

  it('redrive each dead run that meets a filter, and name those that are refused', async () => {
    let isBroken = true;
    const { scheduler } = await createRunning({
      work: () => {
        if (isBroken) throw new Error('broken');
      },
    });
    for (const id of ['a', 'b', 'c']) await scheduler.addTask({ id, handler: 'work' });
    await untilRun(scheduler, 3);
    isBroken = false;
    expect(await scheduler.redriveRuns({ taskId: 'none' })).toEqual({
      redriven: 0,
      refused: [],
      refusedCount: 0,
      next: null,
    });
    const first = await scheduler.redriveRuns({}, { limit: 1, actor: 'ann' });
    expect(first).toMatchObject({ redriven: 1, next: expect.any(String) as string });
    const rest = await scheduler.redriveRuns({ cursor: first.next! });
    expect(rest).toMatchObject({ redriven: 2, refusedCount: 0, next: null });
    const { runs } = await untilRun(scheduler, 6);
    expect(runs.filter(({ status }) => status === 'succeeded')).toHaveLength(3);
    await expect(scheduler.redriveRuns({ dead: true } as never)).rejects.toThrow(InvalidOptionError);
  });
});

async function untilRun(scheduler: Scheduler, count: number) {
  for (;;) {
    const page = await scheduler.getRuns();
    if (page.runs.length >= count) return page;
    await new Promise(setImmediate);
  }
}
