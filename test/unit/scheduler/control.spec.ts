import { describe, expect, it } from 'vitest';
import { recordEvents } from '../../support/events.js';
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
