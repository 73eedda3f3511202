import { describe, expect, it } from 'vitest';
import { InvalidOptionError, MemoryStore, UnknownNameError, UnknownOptionError } from 'nestjs-asyncz';
import type { TaskInfo, UpsertOptions } from 'nestjs-asyncz';
import { recordEvents } from '../../../support/events.js';
import { createRunning, createScheduler, settle, START } from '../../../support/scheduler.factory.js';
import { HOURLY } from '../../../support/task.factory.js';

const HOUR = 3_600_000;
const SYNC: UpsertOptions = { id: 'sync', handler: 'work', args: [1], trigger: HOURLY, tags: ['erp'] };

describe('upserting a task', () => {
  it('adds it where it is not there, and changes nothing where it is so already', async () => {
    const { scheduler, clock } = await createRunning({ work: () => 1 });
    const events = recordEvents(scheduler);
    await scheduler.upsertTask(SYNC);
    const before = await scheduler.getTaskInfo('sync');
    // Every replica, at every start.
    for (let start = 0; start < 5; start += 1) {
      clock.advance(1_000);
      expect((await scheduler.upsertTask(SYNC)).info).toEqual(before);
    }
    expect(events.map(({ name }) => name)).toEqual(['task.added']);
    expect(await scheduler.getTaskInfo('sync')).toEqual(before);
  });

  it('keeps the schedule where the trigger is the same, and the pause, the runs and the counters anyway', async () => {
    const { scheduler, clock } = await createRunning({ work: () => 1 });
    const events = recordEvents(scheduler);
    await scheduler.upsertTask(SYNC);
    clock.advance(HOUR);
    await settle();
    await scheduler.pauseTask('sync', { actor: 'ada' });
    clock.advance(1_000);
    const { info } = await scheduler.upsertTask({ ...SYNC, args: [2], priority: 5 });
    expect(info).toMatchObject({
      args: [2],
      policies: { priority: 5 },
      pause: { actor: 'ada' },
      nextRunTime: new Date(START + 2 * HOUR),
      lastRun: { status: 'succeeded' },
    });
    const other = await scheduler.upsertTask({ ...SYNC, trigger: { type: 'interval', hours: 2 } });
    expect(other.info).toMatchObject({
      args: [1],
      policies: { priority: 0 },
      paused: true,
      nextRunTime: new Date(START + HOUR + 1_000 + 2 * HOUR),
    });
    expect(events.filter(({ name }) => name === 'task.modified')).toHaveLength(2);
  });

  it('sets an option that is left out to its default', async () => {
    const { scheduler } = await createRunning({ work: () => 1 });
    await scheduler.upsertTask({ ...SYNC, retry: 3, name: 'Sync' });
    const { id, handler, trigger } = SYNC;
    expect((await scheduler.upsertTask({ id, handler, trigger })).info).toMatchObject({
      args: [],
      tags: [],
      name: 'work',
      policies: { retry: null },
    });
  });

  it('tells triggers apart, but for what they have of the time of their making', async () => {
    const { scheduler, clock } = await createRunning({ work: () => 1 });
    const triggers = [
      HOURLY,
      { type: 'interval', hours: 1, startAt: new Date(START + 5 * HOUR) },
      { type: 'cron', expression: '0 * * * *' },
      { type: 'cron', expression: '0 * * * *', timezone: 'Europe/Lisbon' },
      { type: 'or', triggers: [HOURLY, { type: 'cron', expression: '5 * * * *' }] },
      { type: 'or', triggers: [HOURLY, { type: 'cron', expression: '6 * * * *' }] },
      { type: 'or', triggers: [HOURLY] },
      { type: 'date', runAt: START + 10 * HOUR },
      { type: 'date', runAt: START + 11 * HOUR },
    ] as const;
    let last: TaskInfo | null = null;
    for (const trigger of triggers) {
      clock.advance(1_000);
      const { info } = await scheduler.upsertTask({ ...SYNC, trigger });
      expect(info.trigger).not.toEqual(last?.trigger);
      clock.advance(1_000);
      expect((await scheduler.upsertTask({ ...SYNC, trigger })).info).toEqual(info);
      last = info;
    }
    // Once, now: asked for again.
    const { trigger: _once, ...now } = SYNC;
    const first = await scheduler.upsertTask({ ...now, nextRunTime: START + HOUR });
    clock.advance(1_000);
    expect((await scheduler.upsertTask({ ...now, delay: '1h' })).nextRunTime).not.toEqual(first.nextRunTime);
  });

  it('moves the next run to a time that is given', async () => {
    const { scheduler } = await createRunning({ work: () => 1 });
    await scheduler.upsertTask(SYNC);
    const at = new Date(START + 5_000);
    expect((await scheduler.upsertTask({ ...SYNC, nextRunTime: at })).nextRunTime).toEqual(at);
  });

  it('keeps what the code has declared of a task', async () => {
    const { scheduler } = createScheduler({ work: () => 1 });
    scheduler.declareTasks([{ id: 'sync', handler: 'work', trigger: HOURLY }]);
    await scheduler.start();
    expect((await scheduler.upsertTask({ ...SYNC, args: [7] })).info).toMatchObject({ origin: 'code', args: [7] });
  });

  it('before the start is settled with what is in the store then', async () => {
    const store = new MemoryStore();
    const first = await createRunning({ work: () => 1 }, { store });
    first.clock.advance(1_000);
    await first.scheduler.upsertTask(SYNC);
    await first.scheduler.upsertTask({ ...SYNC, id: 'same' });
    await first.scheduler.pauseTask('sync');
    await first.scheduler.shutdown();
    const { scheduler } = createScheduler({ work: () => 1 }, { store });
    const events = recordEvents(scheduler);
    await scheduler.upsertTask({ ...SYNC, args: [2] });
    await scheduler.upsertTask({ ...SYNC, id: 'same' });
    await scheduler.start();
    expect(await scheduler.getTaskInfo('sync')).toMatchObject({ args: [2], paused: true });
    expect(events.flatMap((event) => ('taskId' in event ? [[event.name, event.taskId]] : []))).toEqual([
      ['task.modified', 'sync'],
    ]);
  });

  it('refuses what cannot be a task, and changes nothing', async () => {
    const { scheduler } = await createRunning({ work: () => 1 });
    await scheduler.upsertTask(SYNC);
    const before = await scheduler.getTaskInfo('sync');
    const refused: [object, new (...args: never[]) => Error][] = [
      [{ ...SYNC, id: undefined }, InvalidOptionError],
      [{ ...SYNC, replaceExisting: true }, InvalidOptionError],
      [{ ...SYNC, dedupe: { key: 'k' } }, InvalidOptionError],
      [{ ...SYNC, delay: '1m' }, InvalidOptionError],
      [{ ...SYNC, handler: 'wrok' }, UnknownNameError],
      [{ ...SYNC, store: 'nowhere' }, UnknownNameError],
      [{ ...SYNC, prio: 1 }, UnknownOptionError],
      [{ ...SYNC, transaction: {} }, InvalidOptionError],
    ];
    for (const [options, error] of refused)
      await expect(scheduler.upsertTask(options as UpsertOptions)).rejects.toThrow(error);
    expect(await scheduler.getTaskInfo('sync')).toEqual(before);
  });
});
