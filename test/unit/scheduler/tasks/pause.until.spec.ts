import { describe, expect, it } from 'vitest';
import { InvalidOptionError, MemoryStore } from 'nestjs-asyncz';
import { recordEvents } from '../../../support/events.js';
import { CLUSTER_START, MemoryCluster, pass } from '../../../support/memory.cluster.js';
import { createRunning, createScheduler, settle, START } from '../../../support/scheduler.factory.js';
import { ASKED } from '../../../support/task.factory.js';

const MINUTE = 60_000;
const EVERY_MINUTE = { type: 'interval', minutes: 1, startAt: new Date(START) } as const;

async function pausedUntil(minutes: number) {
  const ran: number[] = [];
  const made = await createRunning({
    work: (_args, { scheduledTime }) => void ran.push(scheduledTime.getTime() - START),
  });
  const { scheduler, clock } = made;
  await scheduler.addTask({ id: 'a', handler: 'work', trigger: EVERY_MINUTE, coalesce: false });
  clock.advance(0);
  await settle();
  expect(ran.splice(0)).toEqual([0]);
  const until = new Date(START + minutes * MINUTE + 1);
  const task = await scheduler.pauseTask('a', { ...ASKED, until });
  expect(task.info.pause).toEqual({ at: new Date(START), byCode: false, until, ...ASKED });
  return { ...made, ran, until };
}

describe('a pause that has an end', () => {
  it('ends by itself at that time, drops what was due before, and tells of it', async () => {
    const { scheduler, clock, ran } = await pausedUntil(2);
    const events = recordEvents(scheduler);
    clock.advance(2 * MINUTE);
    await settle();
    expect(ran).toEqual([]);
    expect(await scheduler.getTaskInfo('a')).toMatchObject({ state: 'paused' });
    clock.advance(1);
    await settle();
    expect(await scheduler.getTaskInfo('a')).toMatchObject({
      state: 'scheduled',
      pause: null,
      nextRunTime: new Date(START + 3 * MINUTE),
    });
    expect(events.filter(({ name }) => name === 'task.resumed')).toMatchObject([
      { taskId: 'a', actor: null, reason: 'its pause was until now' },
    ]);
    clock.advance(MINUTE);
    await settle();
    expect(ran).toEqual([3 * MINUTE]);
  });

  it('drops nothing that was due after it, when nobody was there to end it', async () => {
    const store = new MemoryStore();
    const first = createScheduler({ work: () => {} }, { store });
    await first.scheduler.start();
    await first.scheduler.addTask({ id: 'a', handler: 'work', trigger: EVERY_MINUTE, coalesce: false });
    first.clock.advance(0);
    await settle();
    await first.scheduler.pauseTask('a', { until: START + 2 * MINUTE + 1 });
    first.clock.advance(MINUTE);
    await first.scheduler.pause();
    first.clock.advance(4 * MINUTE);
    first.scheduler.resume();
    await settle();
    const { runs } = await first.scheduler.getRuns({ taskId: 'a' });
    const minutes = runs.map(({ scheduledTime }) => (scheduledTime.getTime() - START) / MINUTE);
    expect(minutes.sort((a, b) => a - b)).toEqual([0, 3, 4, 5]);
  });

  it('is lengthened by a later one, and never shortened', async () => {
    const { scheduler, until } = await pausedUntil(2);
    expect((await scheduler.pauseTask('a', { until: START + MINUTE, actor: 'eve' })).info.pause).toMatchObject({
      until,
    });
    const later = new Date(START + 9 * MINUTE);
    expect((await scheduler.pauseTask('a', { until: later, actor: 'bob' })).info.pause).toMatchObject({
      until: later,
      actor: 'bob',
      at: new Date(START),
    });
    expect((await scheduler.pauseTask('a')).info.pause).toMatchObject({ until: null, actor: null });
    expect((await scheduler.pauseTask('a', { until: later })).info.pause).toMatchObject({ until: null });
  });

  it('is refused where its end has passed, of one task and of many', async () => {
    const { scheduler } = await createRunning({ work: () => {} });
    await scheduler.addTask({ id: 'a', handler: 'work', trigger: EVERY_MINUTE });
    await expect(scheduler.pauseTask('a', { until: START })).rejects.toThrow(InvalidOptionError);
    await expect(scheduler.pauseTasks({ handler: 'work' }, { until: START })).rejects.toThrow(InvalidOptionError);
    await expect(scheduler.pauseTask('a', { until: 'soon' })).rejects.toThrow('Invalid until');
    expect(await scheduler.getTaskInfo('a')).toMatchObject({ pause: null });
  });

  it('ends on another node than the one that was asked, for many tasks at once', async () => {
    const cluster = new MemoryCluster();
    const ran: string[] = [];
    await cluster.join('worker', { work: (_args, { task }) => void ran.push(task.id) });
    const client = await cluster.join('client', {}, { role: 'client' });
    for (const id of ['a', 'b']) {
      await client.addTask({ id, handler: 'work', trigger: { type: 'date', runAt: CLUSTER_START + MINUTE } });
    }
    const result = await client.pauseTasks({ handler: 'work' }, { until: CLUSTER_START + 5 * MINUTE });
    expect(result).toEqual({ changed: 2, unchanged: 0, refused: 0 });
    cluster.clock.advance(5 * MINUTE - 1);
    await settle();
    expect(ran).toEqual([]);
    await pass(cluster, 1_000);
    // A date that has passed meanwhile runs late.
    expect(ran.sort()).toEqual(['a', 'b']);
  });

  it('ends for a task whose trigger throws, too, and does not keep the scheduler busy', async () => {
    const { scheduler, clock, store } = await createRunning({ work: () => {} });
    await scheduler.addTask({ id: 'a', handler: 'work', trigger: EVERY_MINUTE });
    await scheduler.pauseTask('a', { until: START + MINUTE });
    await store.transact({ ids: ['a'] }, (task) => ({
      task: { ...task, definition: { ...task.definition, trigger: { type: 'unknown' } } },
      value: null,
    }));
    clock.advance(20_000 + MINUTE);
    await settle();
    const task = await scheduler.getTaskInfo('a');
    expect(task).toMatchObject({ pause: null, problem: { code: 'ASYNCZ_UNKNOWN_TRIGGER_TYPE', count: 1 } });
  });
});
