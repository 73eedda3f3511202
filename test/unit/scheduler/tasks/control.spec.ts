import { describe, expect, it } from 'vitest';
import { nextEvent, recordEvents } from '../../../support/events.js';
import { createScheduler, settle, START } from '../../../support/scheduler.factory.js';
import { ASKED } from '../../../support/task.factory.js';

describe('who asked, and why', () => {
  it('is kept of a pause and a resume, in the task and in the events', async () => {
    const { scheduler } = createScheduler({ work: () => {} });
    await scheduler.start();
    const events = recordEvents(scheduler);
    await scheduler.addTask({ id: 'a', handler: 'work', trigger: { type: 'interval', hours: 1 } });
    const paused = await scheduler.pauseTask('a', ASKED);
    expect(paused.info).toMatchObject({ pause: ASKED, control: { action: 'pause', at: new Date(START), ...ASKED } });
    const resumed = await scheduler.resumeTask('a', { actor: 'bob' });
    expect(resumed!.info).toMatchObject({ pause: null, control: { action: 'resume', actor: 'bob', reason: null } });
    expect(events.filter(({ name }) => name === 'task.paused' || name === 'task.resumed')).toMatchObject([
      { name: 'task.paused', ...ASKED },
      { name: 'task.resumed', actor: 'bob', reason: null },
    ]);
  });

  it('stays that of the first pause, and nothing is emitted for a pause or a resume that changes nothing', async () => {
    const { scheduler } = createScheduler({ work: () => {} });
    await scheduler.start();
    await scheduler.addTask({ id: 'a', handler: 'work', trigger: { type: 'interval', hours: 1 } });
    const events = recordEvents(scheduler);
    await scheduler.resumeTask('a', { actor: 'eve' });
    await scheduler.pauseTask('a', ASKED);
    const second = await scheduler.pauseTask('a', { actor: 'bob' });
    expect(second.info).toMatchObject({ pause: ASKED, control: { action: 'pause', ...ASKED } });
    await scheduler.resumeTask('a');
    await scheduler.resumeTask('a', { actor: 'eve' });
    expect(events).toMatchObject([
      { name: 'task.paused', ...ASKED },
      { name: 'task.resumed', actor: null, reason: null },
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
    await scheduler.addTask({ id: 'quick', handler: 'quick', trigger: never });
    await scheduler.addTask({ id: 'slow', handler: 'slow', trigger: never });
    const quick = await scheduler.runTask('quick', ASKED);
    const slow = await scheduler.runTask('slow');
    const waiting = await scheduler.runTask('slow', { actor: 'eve' });
    await settle();
    expect((await scheduler.getTaskInfo('slow')) as object).toMatchObject({
      live: [{ request: { actor: null, reason: null } }, { request: { actor: 'eve', reason: null } }],
    });
    await scheduler.cancelRun(waiting, { reason: 'not needed' });
    await scheduler.cancelRun(slow, ASKED);
    await settle();
    const run = async (runId: string) => (await scheduler.getRuns({ runId })).runs[0];
    expect(await run(quick)).toMatchObject({ status: 'succeeded', request: ASKED, cancel: null });
    expect(await run(slow)).toMatchObject({ status: 'cancelled', cancel: { at: new Date(START), ...ASKED } });
    expect(await run(waiting)).toMatchObject({
      status: 'cancelled',
      request: { actor: 'eve', reason: null },
      cancel: { actor: null, reason: 'not needed' },
    });
    expect(await scheduler.getTaskInfo('slow')).toMatchObject({ control: { action: 'cancel', ...ASKED } });
  });

  it('is emitted of a cancelled run as its history has it, also where its task goes with it', async () => {
    const { scheduler } = createScheduler({ fail: () => Promise.reject(new Error('no')) });
    await scheduler.start();
    const failed = nextEvent(scheduler, 'run.failed');
    await scheduler.addTask({ id: 'once', handler: 'fail', retry: { attempts: 2, delay: '1h' } });
    const { runId } = await failed;
    const events = recordEvents(scheduler);
    await scheduler.cancelRun(runId, ASKED);
    const cancelled = (await scheduler.getRuns({ runId, status: 'cancelled' })).runs;
    expect(cancelled).toMatchObject([{ attempt: 2, cancel: ASKED }]);
    const { endedAt } = cancelled[0]!;
    expect(events).toMatchObject([
      { name: 'run.cancelled', runId, attempt: 2, run: { endedAt: endedAt.getTime(), cancel: ASKED } },
      { name: 'task.removed', taskId: 'once', reason: 'finished' },
    ]);
  });

  it('is kept of a backfill', async () => {
    const { scheduler } = createScheduler({ work: () => {} });
    await scheduler.start();
    await scheduler.addTask({
      id: 'a',
      handler: 'work',
      trigger: { type: 'interval', hours: 1, startAt: new Date(START - 7_200_000) },
      overlap: 'allow',
    });
    const at = new Date(START - 3_600_000);
    const [runId] = await scheduler.backfillTask('a', { from: at, to: at, ...ASKED });
    await settle();
    expect((await scheduler.getRuns({ runId: runId! })).runs).toMatchObject([{ request: ASKED }]);
  });

  it('is refused when it is no text, or a long one', async () => {
    const { scheduler } = createScheduler({ work: () => {} });
    await scheduler.start();
    await scheduler.addTask({ id: 'a', handler: 'work', trigger: { type: 'interval', hours: 1 } });
    await expect(scheduler.pauseTask('a', { actor: 7 as never })).rejects.toThrow('actor');
    await expect(scheduler.pauseTask('a', { reason: 'x'.repeat(501) })).rejects.toThrow('500 characters');
    expect(await scheduler.getTaskInfo('a')).toMatchObject({ pause: null, control: null });
  });
});
