import { describe, expect, it } from 'vitest';
import {
  InvalidOptionError,
  InvalidTaskStateError,
  MemoryStore,
  SchedulerNotRunningError,
  TaskNotFoundError,
  UnknownOptionError,
} from 'nestjs-asyncz';
import type { TaskInfo } from 'nestjs-asyncz';
import { nextEvent } from '../../../support/events.js';
import { createScheduler, settle, START, createRunning } from '../../../support/scheduler.factory.js';
import { HOURLY } from '../../../support/task.factory.js';

describe('changing a task', () => {
  it('changes what is given, leaves the rest, and changes nothing when something is wrong', async () => {
    const { scheduler } = await createRunning({ work: () => 1 });
    const task = await scheduler.addTask({ id: 'u', handler: 'work', args: [1], tags: ['a'], trigger: HOURLY });
    const before = await scheduler.getTaskInfo('u');
    await expect(scheduler.updateTask('u', { name: 'new', priority: 0.5 })).rejects.toBeInstanceOf(InvalidOptionError);
    await expect(scheduler.updateTask('u', { id: 'x' } as never)).rejects.toBeInstanceOf(UnknownOptionError);
    expect(await scheduler.getTaskInfo('u')).toEqual(before);
    await task.update({ name: 'new', misfireGraceTime: '5m' });
    expect(task.info).toMatchObject({
      name: 'new',
      args: [1],
      tags: ['a'],
      nextRunTime: (before as TaskInfo).nextRunTime,
      policies: { misfireGraceMs: 300_000 },
    });
    await task.update({ misfireGraceTime: null });
    expect(task.info.policies.misfireGraceMs).toBeNull();
  });

  it('refuses a transaction where the store takes none, and changes nothing', async () => {
    const { scheduler } = await createRunning({ work: () => 1 });
    const task = await scheduler.addTask({ id: 'u', handler: 'work', trigger: HOURLY });
    const before = await scheduler.getTaskInfo('u');
    const transaction = {};
    const calls = [
      () => scheduler.updateTask('u', { name: 'new' }, { transaction }),
      () => scheduler.pauseTask('u', { transaction }),
      () => scheduler.resumeTask('u', { transaction }),
      () => scheduler.deleteTask('u', { transaction }),
      () => scheduler.runTask('u', { transaction }),
      () => scheduler.backfillTask('u', { from: START, to: START, transaction }),
      () => scheduler.cancelRun('u@2026-01-15T12:00:00.000Z', { transaction }),
      () => task.update({ name: 'new' }, { transaction }),
      () => task.reschedule(HOURLY, { transaction }),
      () => task.pause({ transaction }),
      () => task.delete({ transaction }),
    ];
    for (const call of calls)
      await expect(call()).rejects.toThrow(/the store "default" has none.*transactionalChanges/);
    await expect(scheduler.redriveRun('u@x', { transaction } as never)).rejects.toThrow(UnknownOptionError);
    expect(await scheduler.getTaskInfo('u')).toEqual(before);
  });

  it('takes a task or its id', async () => {
    const { scheduler } = await createRunning({ work: () => 1 });
    const task = await scheduler.addTask({ id: 'u', handler: 'work', trigger: HOURLY });
    await scheduler.updateTask(task, { name: 'by task' });
    await scheduler.pauseTask(task);
    await scheduler.resumeTask(task);
    expect(await scheduler.deleteTask(task)).toMatchObject({ id: 'u', name: 'by task' });
  });

  it('gives a plain picture of it, which what is done through it brings up to date', async () => {
    const { scheduler } = await createRunning({ work: () => 1 });
    const task = await scheduler.addTask({ id: 'u', handler: 'work', args: [1], trigger: HOURLY });
    expect(task).toMatchObject({
      id: 'u',
      state: 'scheduled',
      paused: false,
      args: [1],
      triggerDescription: 'every hour, from 2026-01-15 13:00',
    });
    const { pause: _pause, ...fields } = task.info;
    expect(Object.fromEntries(Object.entries(task))).toEqual(fields);
    expect(JSON.stringify(task)).toBe(JSON.stringify(await scheduler.getTaskInfo('u')));
    await task.pause({ actor: 'ada' });
    expect(task).toMatchObject({ state: 'paused', paused: true, control: { action: 'pause', actor: 'ada' } });
    expect(task.info.pause).toMatchObject({ actor: 'ada' });
    await task.update({ args: [2] });
    expect(task.args).toEqual([2]);
    expect(await task.resume()).toBe(task);
    expect(String(task)).toBe(
      `u (every hour, from 2026-01-15 13:00; scheduled, next run ${new Date(START + 3_600_000).toISOString()})`,
    );
  });

  it('keeps a pause when it is rescheduled', async () => {
    const { scheduler } = await createRunning({ work: () => 1 });
    await scheduler.addTask({ id: 'r', handler: 'work', trigger: HOURLY });
    await scheduler.pauseTask('r');
    const task = await scheduler.rescheduleTask('r', { type: 'interval', minutes: 5 });
    expect(task.info).toMatchObject({ state: 'paused', nextRunTime: new Date(START + 300_000) });
  });

  it('forgets on resume what came due during the pause', async () => {
    const { scheduler, clock } = await createRunning({ work: () => 1 });
    await scheduler.addTask({ id: 'p', handler: 'work', trigger: HOURLY });
    await scheduler.pauseTask('p');
    clock.advance(2.5 * 3_600_000);
    const task = await scheduler.resumeTask('p');
    expect(task?.nextRunTime).toEqual(new Date(START + 3 * 3_600_000));
    await settle();
    expect((await scheduler.getRuns()).runs).toEqual([]);
  });

  it('runs a one-shot late whose date passed during its pause', async () => {
    const { scheduler, clock } = await createRunning({ work: () => 1 });
    await scheduler.addTask({ id: 'd', handler: 'work', trigger: { type: 'date', runAt: new Date(START + 60_000) } });
    await scheduler.pauseTask('d');
    clock.advance(120_000);
    const ran = nextEvent(scheduler, 'run.succeeded');
    await scheduler.resumeTask('d');
    expect(await ran).toMatchObject({ scheduledTime: new Date(START + 60_000) });
  });

  it('removes a task on resume that has nothing left to run', async () => {
    const { scheduler, clock } = await createRunning({ work: () => 1 });
    await scheduler.addTask({ id: 'e', handler: 'work', trigger: { ...HOURLY, endAt: new Date(START + 3_600_000) } });
    await scheduler.pauseTask('e');
    clock.advance(2 * 3_600_000);
    expect(await scheduler.resumeTask('e')).toBeNull();
    expect(await scheduler.getTask('e')).toBeNull();
  });

  it('refuses to pause or resume what follows the scheduler and not the time', async () => {
    const { scheduler } = await createRunning({ work: () => 1 });
    await scheduler.addTask({ id: 's', handler: 'work', trigger: { type: 'shutdown' } });
    await expect(scheduler.pauseTask('s')).rejects.toBeInstanceOf(InvalidTaskStateError);
    await expect(scheduler.resumeTask('s')).rejects.toBeInstanceOf(InvalidTaskStateError);
  });

  it('says which task is not there', async () => {
    const { scheduler } = await createRunning();
    for (const operation of ['updateTask', 'pauseTask', 'resumeTask', 'deleteTask', 'runTask'] as const) {
      const done = (scheduler[operation].bind(scheduler) as (id: string, changes: object) => Promise<unknown>)(
        'ghost',
        {},
      );
      await expect(done).rejects.toBeInstanceOf(TaskNotFoundError);
    }
  });

  it('refuses to run a task while it is stopped', async () => {
    const { scheduler } = createScheduler({ work: () => 1 });
    await scheduler.addTask({ id: 'x', handler: 'work', trigger: HOURLY });
    await expect(scheduler.runTask('x')).rejects.toBeInstanceOf(SchedulerNotRunningError);
    expect(() => scheduler.pause()).toThrow(SchedulerNotRunningError);
  });

  it('removes all tasks of all stores or of one', async () => {
    const { scheduler } = await createRunning({ work: () => 1 });
    await scheduler.addStore('second', new MemoryStore());
    for (const store of ['default', 'default', 'second'])
      await scheduler.addTask({ handler: 'work', trigger: HOURLY, store });
    expect(await scheduler.removeAllTasks('default')).toBe(2);
    expect((await scheduler.getTaskInfos()).tasks).toMatchObject([{ store: 'second' }]);
    expect(await scheduler.removeAllTasks()).toBe(1);
  });
});
