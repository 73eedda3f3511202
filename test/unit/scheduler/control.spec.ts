import { describe, expect, it } from 'vitest';
import { RunNotDeadError, RunNotFoundError } from 'nestjs-asyncz';
import { recordEvents } from '../../support/events.js';
import { MemoryCluster } from '../../support/memory.cluster.js';
import { createScheduler, settle, START } from '../../support/scheduler.factory.js';

const ASKED = { actor: 'ada', reason: 'on call' };

describe('who asked, and why', () => {
  it('is kept of a pause and a resume, in the task and in the events', async () => {
    const { scheduler } = createScheduler({ work: () => {} });
    await scheduler.start();
    const events = recordEvents(scheduler);
    await scheduler.tasks.add({ id: 'a', handler: 'work', trigger: { type: 'interval', hours: 1 } });
    const paused = await scheduler.tasks.pause('a', ASKED);
    expect(paused.info).toMatchObject({ pause: ASKED, control: { action: 'pause', at: new Date(START), ...ASKED } });
    const resumed = await scheduler.tasks.resume('a', { actor: 'bob' });
    expect(resumed!.info).toMatchObject({ pause: null, control: { action: 'resume', actor: 'bob', reason: null } });
    expect(events.filter(({ name }) => name === 'task.paused' || name === 'task.resumed')).toMatchObject([
      { name: 'task.paused', ...ASKED },
      { name: 'task.resumed', actor: 'bob', reason: null },
    ]);
  });

  it('is kept of a run that somebody asked for, and of one that somebody cancelled', async () => {
    const { scheduler } = createScheduler({
      quick: () => 'done',
      slow: (_args, { signal }) =>
        new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason))),
    });
    await scheduler.start();
    const never = { type: 'interval', hours: 1 } as const;
    await scheduler.tasks.add({ id: 'quick', handler: 'quick', trigger: never });
    await scheduler.tasks.add({ id: 'slow', handler: 'slow', trigger: never });
    const quick = await scheduler.tasks.run('quick', ASKED);
    const slow = await scheduler.tasks.run('slow');
    const waiting = await scheduler.tasks.run('slow', { actor: 'eve' });
    await settle();
    expect((await scheduler.inspection.getTaskInfo('slow')) as object).toMatchObject({
      live: [{ request: { actor: null, reason: null } }, { request: { actor: 'eve', reason: null } }],
    });
    await scheduler.runs.cancel(waiting, { reason: 'not needed' });
    await scheduler.runs.cancel(slow, ASKED);
    await settle();
    const run = async (runId: string) => (await scheduler.inspection.getRuns({ runId })).runs[0];
    expect(await run(quick)).toMatchObject({ status: 'succeeded', request: ASKED, cancel: null });
    expect(await run(slow)).toMatchObject({ status: 'cancelled', cancel: { at: new Date(START), ...ASKED } });
    expect(await run(waiting)).toMatchObject({
      status: 'cancelled',
      request: { actor: 'eve', reason: null },
      cancel: { actor: null, reason: 'not needed' },
    });
    expect(await scheduler.inspection.getTaskInfo('slow')).toMatchObject({ control: { action: 'cancel', ...ASKED } });
  });

  it('is kept of a backfill', async () => {
    const { scheduler } = createScheduler({ work: () => {} });
    await scheduler.start();
    await scheduler.tasks.add({
      id: 'a',
      handler: 'work',
      trigger: { type: 'interval', hours: 1, startAt: new Date(START - 7_200_000) },
      overlap: 'allow',
    });
    const at = new Date(START - 3_600_000);
    const [runId] = await scheduler.tasks.backfill('a', { from: at, to: at, ...ASKED });
    await settle();
    expect((await scheduler.inspection.getRuns({ runId: runId! })).runs).toMatchObject([{ request: ASKED }]);
  });

  it('is refused when it is no text, or a long one', async () => {
    const { scheduler } = createScheduler({ work: () => {} });
    await scheduler.start();
    await scheduler.tasks.add({ id: 'a', handler: 'work', trigger: { type: 'interval', hours: 1 } });
    await expect(scheduler.tasks.pause('a', { actor: 7 as never })).rejects.toThrow('actor');
    await expect(scheduler.tasks.pause('a', { reason: 'x'.repeat(501) })).rejects.toThrow('500 characters');
    expect(await scheduler.inspection.getTaskInfo('a')).toMatchObject({ pause: null, control: null });
  });
});

describe('a dead run', () => {
  it('is listed, and run once more under its own id', async () => {
    let isBroken = true;
    const seen: unknown[] = [];
    const { scheduler, clock } = createScheduler({
      work: (args, { attempt, runId, source }) => {
        seen.push([args, attempt, runId, source]);
        if (isBroken) throw new Error('broken');
        return 'mended';
      },
    });
    await scheduler.start();
    const trigger = { type: 'interval', hours: 1, startAt: new Date(START) } as const;
    await scheduler.tasks.add({
      id: 'a',
      handler: 'work',
      args: [new Date(5)],
      trigger,
      retry: { attempts: 2, delay: '1s' },
    });
    clock.advance(0);
    await settle();
    expect((await scheduler.inspection.getRuns({ dead: true })).runs).toEqual([]);
    clock.advance(1_000);
    await settle();
    const { runs } = await scheduler.inspection.getRuns({ dead: true });
    expect(runs).toMatchObject([{ attempt: 2, status: 'failed', dead: true }]);
    const { id } = runs[0]!;
    isBroken = false;
    await scheduler.tasks.pause('a');
    await scheduler.runs.redrive(id, ASKED);
    await expect(scheduler.runs.redrive(id)).rejects.toThrow(RunNotDeadError);
    await settle();
    expect(await scheduler.runs.wait(id, undefined)).toMatchObject({
      attempt: 3,
      status: 'succeeded',
      result: 'mended',
      request: ASKED,
    });
    expect(seen.at(-1)).toEqual([[new Date(5)], 3, id, 'redrive']);
    expect((await scheduler.inspection.getRuns({ dead: true })).runs).toEqual([]);
    expect(await scheduler.inspection.getTaskInfo('a')).toMatchObject({
      paused: true,
      control: { action: 'redrive', ...ASKED },
    });
    await expect(scheduler.runs.redrive(id)).rejects.toThrow('succeeded');
  });

  it('brings its one-shot task back, which goes with it again', async () => {
    let failures = 2;
    const seen: unknown[] = [];
    const { scheduler } = createScheduler({
      work: (args) => {
        seen.push(args);
        failures -= 1;
        if (failures >= 0) throw new Error('broken');
      },
    });
    await scheduler.start();
    await scheduler.tasks.add({ id: 'once', handler: 'work', args: [{ n: 3n }], tags: ['x'] });
    await settle();
    expect(await scheduler.inspection.getTask('once')).toBeNull();
    const [dead] = (await scheduler.inspection.getRuns({ dead: true })).runs;
    await scheduler.runs.redrive(dead!.id, ASKED);
    await settle();
    // It failed once more, and is dead once more.
    const again = (await scheduler.inspection.getRuns({ dead: true })).runs;
    expect(again).toMatchObject([{ id: dead!.id, attempt: 2 }]);
    expect(again[0]!.token).toBeGreaterThan(dead!.token);
    await scheduler.runs.redrive(dead!.id);
    await settle();
    expect(seen).toEqual([[{ n: 3n }], [{ n: 3n }], [{ n: 3n }]]);
    expect(await scheduler.inspection.getTask('once')).toBeNull();
    expect((await scheduler.inspection.getRuns({ dead: true })).runs).toEqual([]);
    expect((await scheduler.inspection.getRuns({ taskId: 'once' })).runs.map(({ status }) => status)).toEqual([
      'succeeded',
      'failed',
      'failed',
    ]);
  });

  it('is also one that was lost and is not to be run again by itself', async () => {
    const cluster = new MemoryCluster();
    const hang = () => new Promise(() => {});
    const dead = await cluster.join('dead', { work: hang });
    await dead.tasks.add({ id: 'once', handler: 'work', delivery: 'at-most-once' });
    await settle();
    const other = new MemoryCluster(cluster.disk);
    const runs: number[] = [];
    const alive = await other.join('alive', { work: (_args, { attempt }) => runs.push(attempt) });
    for (let seconds = 0; seconds < 40; seconds += 1) {
      other.clock.advance(1_000);
      await settle();
    }
    const [lost] = (await alive.inspection.getRuns({ dead: true })).runs;
    expect(lost).toMatchObject({ status: 'lost', dead: true });
    expect(runs).toEqual([]);
    await alive.runs.redrive(lost!.id);
    await settle();
    expect(runs).toEqual([2]);
  });

  it('is not one that nobody knows, nor one whose task was deleted', async () => {
    const { scheduler } = createScheduler({
      work: () => {
        throw new Error('broken');
      },
    });
    await expect(scheduler.runs.redrive('a@b')).rejects.toThrow('running scheduler');
    await scheduler.start();
    await expect(scheduler.runs.redrive('a@b')).rejects.toThrow(RunNotFoundError);
    await expect(scheduler.runs.redrive('')).rejects.toThrow('runId');
    await scheduler.tasks.add({ id: 'a', handler: 'work', trigger: { type: 'interval', hours: 1 } });
    await scheduler.tasks.run('a');
    await settle();
    await scheduler.tasks.delete('a');
    const [dead] = (await scheduler.inspection.getRuns({ dead: true })).runs;
    await expect(scheduler.runs.redrive(dead!.id)).rejects.toThrow('was deleted');
  });
});
