import { describe, expect, it } from 'vitest';
import { InvalidOptionError, MemoryStore, UnknownOptionError } from 'nestjs-asyncz';
import { START, createRunning } from '../../../support/scheduler.factory.js';
import { HOURLY } from '../../../support/task.factory.js';

describe('inspecting', () => {
  it('filters, sorts and pages over all stores', async () => {
    const { scheduler } = await createRunning({ work: () => 1, other: () => 2 });
    await scheduler.addStore('second', new MemoryStore());
    for (const [index, store] of ['default', 'second', 'default', 'second'].entries()) {
      await scheduler.addTask({
        id: `t${index}`,
        handler: index < 3 ? 'work' : 'other',
        trigger: { type: 'interval', hours: 4 - index },
        store,
      });
    }
    const ids = async (query: object) => (await scheduler.getTaskInfos(query)).tasks.map(({ id }) => id);
    expect(await ids({})).toEqual(['t3', 't2', 't1', 't0']);
    expect(await ids({ sortBy: 'id', offset: 1, limit: 2 })).toEqual(['t1', 't2']);
    expect(await ids({ handler: 'work', sortBy: 'id', descending: true })).toEqual(['t2', 't1', 't0']);
    expect(await ids({ q: 'OTH' })).toEqual(['t3']);
    expect(await ids({ store: 'second', state: 'scheduled' })).toEqual(['t3', 't1']);
    await expect(ids({ state: 'asleep' })).rejects.toThrow(/"asleep".*"scheduled"/);
    await expect(ids({ sortBy: 'colour' })).rejects.toThrow(/"colour"/);
    await expect(ids({ limit: 0 })).rejects.toBeInstanceOf(InvalidOptionError);
    await expect(ids({ filter: 'x' })).rejects.toBeInstanceOf(UnknownOptionError);
  });

  it('describes itself, its stores and how many tasks they hold', async () => {
    const { scheduler, clock } = await createRunning({ work: () => 1 }, { identity: 'me', timezone: 'Europe/Lisbon' });
    await scheduler.addTask({ id: 'a', handler: 'work', trigger: HOURLY });
    await scheduler.addTask({ id: 'b', handler: 'work', trigger: HOURLY, paused: true });
    clock.advance(5_000);
    expect(await scheduler.getSchedulerInfo()).toMatchObject({
      identity: 'me',
      state: 'running',
      running: true,
      startedAt: new Date(START),
      uptimeSeconds: 5,
      timezone: 'Europe/Lisbon',
      executors: [{ alias: 'default', running: 0, room: 100 }],
      handlers: ['work'],
      stores: [{ store: 'default', state: 'ok', coordination: 'process', durable: false }],
      tasks: { scheduled: 1, paused: 1, running: 0, pending: 0 },
    });
    expect(await scheduler.getSchedulerInstanceInfos()).toMatchObject([
      { identity: 'me', alive: true, handlers: ['work'] },
    ]);
    await scheduler.shutdown();
    expect(await scheduler.getSchedulerInfo()).toMatchObject({
      state: 'stopped',
      startedAt: null,
      uptimeSeconds: null,
    });
  });
});
