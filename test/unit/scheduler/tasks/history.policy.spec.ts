import { describe, expect, it } from 'vitest';
import { RunNotFoundError } from 'nestjs-asyncz';
import type { HistoryPolicy, SchedulerEvent } from 'nestjs-asyncz';
import { nextEvent, recordEvents } from '../../../support/events.js';
import { MemoryCluster } from '../../../support/memory.cluster.js';
import { createRunning, settle } from '../../../support/scheduler.factory.js';
import { HOURLY } from '../../../support/task.factory.js';

const work = ([isBroken]: readonly unknown[]) => {
  if (isBroken === true) throw new Error('broken');
  return 'done';
};

describe('the policy of the history', () => {
  it.each<[HistoryPolicy, string[]]>([
    ['all', ['failed', 'succeeded']],
    ['failures', ['failed']],
    // Dead: nobody could redrive it otherwise.
    ['none', ['failed']],
  ])('%s keeps what it says; events and the last run tell of every run', async (history, kept) => {
    const { scheduler } = await createRunning({ work });
    const events = recordEvents(scheduler);
    await scheduler.addTasks([false, true].map((isBroken) => ({ handler: 'work', args: [isBroken], history })));
    await settle();
    const told = events.flatMap((event) => ('run' in event ? [event.run.status] : []));
    expect(told.toSorted((a, b) => a.localeCompare(b))).toEqual(['failed', 'succeeded']);
    const { runs } = await scheduler.getRuns();
    expect(runs.map(({ status }) => status).toSorted((a, b) => a.localeCompare(b))).toEqual(kept);
  });

  it('is set for all tasks by taskDefaults, and by each for itself', async () => {
    const { scheduler } = await createRunning({ work }, { taskDefaults: { history: 'none' } });
    await scheduler.addTasks([
      { id: 'a', handler: 'work' },
      { id: 'b', handler: 'work', history: 'all' },
    ]);
    await settle();
    expect((await scheduler.getRuns()).runs.map(({ taskId }) => taskId)).toEqual(['b']);
  });

  it('leaves out a failed attempt that is tried again, and keeps the one that was dead when it is redriven', async () => {
    let isBroken = true;
    const { scheduler, clock } = await createRunning({ work: () => work([isBroken]) });
    const retry = { attempts: 2, backoff: 'fixed', delay: '1s' } as const;
    await scheduler.addTask({ id: 'a', handler: 'work', history: 'none', retry });
    await settle();
    expect((await scheduler.getRuns()).runs).toEqual([]);
    clock.advance(1_000);
    await settle();
    const [dead] = (await scheduler.getRuns({ dead: true })).runs;
    expect(dead).toMatchObject({ taskId: 'a', attempt: 2, status: 'failed' });
    isBroken = false;
    await scheduler.redriveRun(dead!.id);
    await settle();
    expect((await scheduler.getRuns({ dead: true })).runs).toEqual([]);
    // The attempt that was asked for is there.
    expect((await scheduler.getRuns()).runs.map(({ status, attempt }) => [attempt, status])).toEqual([
      [3, 'succeeded'],
      [2, 'failed'],
    ]);
  });

  it('keeps what was missed and skipped out of the history, and tells of it', async () => {
    const { scheduler, clock } = await createRunning({ work });
    scheduler.pause();
    await scheduler.addTask({ id: 'a', handler: 'work', trigger: HOURLY, misfireGraceTime: '1s', history: 'none' });
    clock.advance(3 * 3_600_000 + 60_000);
    const missed = nextEvent(scheduler, 'run.missed');
    scheduler.resume();
    expect((await missed).run.status).toBe('missed');
    await settle();
    expect((await scheduler.getRuns()).runs).toEqual([]);
    expect(await scheduler.getTaskInfo('a')).toMatchObject({ lastRun: { status: 'missed' } });
  });

  it('does not keep anybody from waiting for a run that was asked for, on any node', async () => {
    const cluster = new MemoryCluster();
    await cluster.join('worker', { work });
    const client = await cluster.join('client', {}, { role: 'client' });
    await client.addTask({ id: 'a', handler: 'work', trigger: HOURLY, history: 'none' });
    const waiting = client.runTask('a', { wait: true });
    for (let turns = 0; turns < 10; turns += 1) {
      await settle();
      cluster.clock.advance(100);
    }
    expect(await waiting).toMatchObject({ status: 'succeeded', result: 'done' });
  });

  it('lets a run of the schedule be waited for where it runs; elsewhere it is not found when it has ended', async () => {
    const cluster = new MemoryCluster();
    let release = () => {};
    const worker = await cluster.join('worker', {
      slow: () => new Promise((resolve) => (release = () => resolve('done'))),
    });
    const client = await cluster.join('client', {}, { role: 'client' });
    const started = nextEvent(worker, 'run.started');
    await client.addTask({ id: 'a', handler: 'slow', history: 'none' });
    const { runId }: SchedulerEvent<'run.started'> = await started;
    const here = worker.waitForRun(runId);
    const there = client.waitForRun(runId);
    const refused = expect(there).rejects.toBeInstanceOf(RunNotFoundError);
    await settle();
    release();
    for (let turns = 0; turns < 10; turns += 1) {
      await settle();
      cluster.clock.advance(100);
    }
    expect(await here).toMatchObject({ id: runId, status: 'succeeded', result: 'done' });
    await refused;
  });

  it('keeps the end of a run out of the history whose task was deleted meanwhile, and tells of it as of any other', async () => {
    let release = () => {};
    const { scheduler } = await createRunning({ slow: () => new Promise<void>((resolve) => (release = resolve)) });
    const events = recordEvents(scheduler);
    await scheduler.addTask({ id: 'a', handler: 'slow', history: 'none' });
    await settle();
    await scheduler.deleteTask('a');
    release();
    await settle();
    expect(events.map(({ name }) => name)).toContain('run.succeeded');
    expect((await scheduler.getRuns()).runs).toEqual([]);
  });
});
