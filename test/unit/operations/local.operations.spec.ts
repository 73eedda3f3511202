import { LocalOperations } from 'nestjs-asyncz/api';
import type { AsynczOperations, EventMessage, OperationName } from 'nestjs-asyncz/client';
import { OPERATION_NAMES } from 'nestjs-asyncz/client';
import {
  InvalidOptionError,
  RunNotFoundError,
  TaskNotFoundError,
  UnknownNameError,
  UnknownOptionError,
  VersionConflictError,
} from 'nestjs-asyncz';
import type { Scheduler, SchedulerService } from 'nestjs-asyncz';
import { describe, expect, expectTypeOf, it } from 'vitest';
import { MemoryCluster } from '../../support/memory.cluster.js';
import { createRunning, settle, START } from '../../support/scheduler.factory.js';

const HOURLY = { type: 'interval', hours: 1, startAt: new Date(START + 60_000).toISOString() } as const;

async function running() {
  const seen: unknown[][] = [];
  const made = await createRunning({
    work: (args) => {
      seen.push([...args]);
      return new Map([['n', 1n]]);
    },
    broken: () => Promise.reject(new Error('no')),
  });
  return { ...made, seen, operations: new LocalOperations(made.scheduler, { actor: 'ann' }) };
}

describe('the operations on a scheduler', () => {
  it('are all there, and take the scheduler of any application', () => {
    for (const name of OPERATION_NAMES) expect(LocalOperations.prototype[name], name).toBeTypeOf('function');
    expectTypeOf<LocalOperations>().toExtend<AsynczOperations>();
    const take = (
      service: SchedulerService<{ work: (n: number) => number }>,
      scheduler: Scheduler<{ work: (n: number) => number }>,
    ) => [new LocalOperations(service), new LocalOperations(scheduler)];
    expectTypeOf(take).returns.toExtend<AsynczOperations[]>();
    expectTypeOf<OperationName>().toExtend<keyof LocalOperations>();
    expectTypeOf<Scheduler>().toExtend<ConstructorParameters<typeof LocalOperations>[0]>();
  });

  it('add, change, run and remove a task, and keep who asked', async () => {
    const { operations, seen } = await running();
    const args = [{ $date: '2026-01-01T00:00:00.000Z' }, { $bigint: '7' }];
    const added = await operations.addTask({ id: 'a', handler: 'work', args, trigger: HOURLY, tags: ['t'] });
    expect(added).toMatchObject({
      id: 'a',
      args,
      nextRunTime: new Date(START + 60_000).toISOString(),
      state: 'scheduled',
    });
    const { runId, run } = await operations.runTask({ id: 'a', wait: true, reason: 'now' });
    expect(seen).toEqual([[new Date('2026-01-01'), 7n]]);
    expect(run).toMatchObject({
      id: runId,
      status: 'succeeded',
      result: { $map: [['n', { $bigint: '1' }]] },
      request: { actor: 'ann', reason: 'now' },
    });
    const paused = await operations.pauseTask({ id: 'a', until: new Date(START + 5_000).toISOString() });
    expect(paused.pause).toMatchObject({ actor: 'ann', until: new Date(START + 5_000).toISOString() });
    expect(await operations.resumeTask({ id: 'a' })).toMatchObject({ paused: false });
    const updated = await operations.updateTask({ id: 'a', name: 'b', args: [], retry: 3 });
    expect(updated).toMatchObject({ name: 'b', args: [], policies: { retry: { attempts: 3 } } });
    const stale = { id: 'a', name: 'c', expectedVersion: updated.version - 1 };
    await expect(operations.updateTask(stale)).rejects.toThrow(VersionConflictError);
    expect(await operations.deleteTask({ id: 'a' })).toMatchObject({ id: 'a', name: 'b' });
    await expect(operations.getTask({ id: 'a' })).rejects.toThrow(TaskNotFoundError);
  });

  it('export what can be added again as it was', async () => {
    const { operations } = await running();
    await operations.addTask({
      id: 'a',
      handler: 'work',
      data: { when: { $date: '2026-01-01T00:00:00.000Z' } },
      trigger: { type: 'cron', expression: '0 3 * * *', timezone: 'Europe/Paris' },
      retry: { attempts: 4, delay: '3s' },
      rateLimit: { max: 3, per: '1m' },
      group: 'g',
      timeout: '5s',
      misfireGraceTime: '1h',
      overlap: 'queueAll',
      paused: true,
    });
    const exported = await operations.exportTask({ id: 'a' });
    const {
      version: _1,
      createdAt: _2,
      ...before
    } = (await operations.getTask({ id: 'a' })) as Record<string, unknown>;
    await operations.deleteTask({ id: 'a' });
    const again = await operations.addTask(JSON.parse(JSON.stringify(exported)) as typeof exported);
    const { pause, control, updatedAt, ...rest } = before;
    expect(pause).not.toBeNull();
    expect([control, updatedAt]).toBeDefined();
    expect(again).toMatchObject(rest);
    expect(await operations.exportTasks({ handler: 'work' })).toMatchObject({
      total: 1,
      tasks: [exported],
      unreadable: [],
    });
  });

  it('list, count, foretell and change many', async () => {
    const { operations } = await running();
    await operations.addTasks({
      tasks: ['a', 'b', 'c'].map((id, at) => ({
        id,
        handler: 'work',
        tags: [at < 2 ? 'x' : 'y'],
        args: ['long'.repeat(1_000)],
        trigger: { type: 'interval', hours: at + 1, startAt: HOURLY.startAt },
      })),
    });
    const page = await operations.listTasks({ tag: 'x', sortBy: 'id', limit: 1 });
    expect(page).toMatchObject({ total: 2, tasks: [{ id: 'a', args: [{ $omitted: 'longer than 2000 characters' }] }] });
    expect(await operations.countTasks({ tag: 'x' })).toEqual({ matching: 2 });
    const timeline = await operations.getTimeline({ perTask: 3, limit: 4 });
    expect(timeline).toMatchObject({ tasks: 3, total: 3, failed: [] });
    expect(
      timeline.runs.map(({ taskId, runTime }) => `${taskId}+${(Date.parse(runTime) - START - 60_000) / 3_600_000}`),
    ).toEqual(['a+0', 'b+0', 'c+0', 'a+1']);
    expect(await operations.pauseTasks({ filter: { tag: 'x' }, dryRun: true })).toEqual({ matching: 2 });
    expect(await operations.countTasks({ state: 'paused' })).toEqual({ matching: 0 });
    expect(await operations.pauseTasks({ filter: { tag: 'x' } })).toEqual({ changed: 2, unchanged: 0, refused: 0 });
    expect(await operations.resumeTasks({ filter: { tag: 'x' } })).toMatchObject({ changed: 2 });
    await expect(operations.pauseTasks({ filter: {} })).rejects.toThrow(InvalidOptionError);
    await expect(operations.deleteTasks({ filter: { nope: 1 } as never })).rejects.toThrow(UnknownOptionError);
    expect(await operations.deleteTasks({ filter: { tag: 'y' } })).toMatchObject({ changed: 1 });
    expect(await operations.previewTask({ id: 'a', count: 2 })).toMatchObject({ task: { id: 'a' }, runs: [{}, {}] });
    expect(await operations.listUnreadable()).toEqual([]);
  });

  it('show runs, wait for them, and redrive dead ones', async () => {
    const { operations } = await running();
    await operations.addTask({ id: 'a', handler: 'broken', trigger: HOURLY });
    const { runId } = await operations.runTask({ id: 'a' });
    expect(await operations.waitForRun({ runId })).toMatchObject({ status: 'failed', error: { message: 'no' } });
    expect(await operations.redriveRuns({ filter: {}, dryRun: true })).toEqual({ matching: 1 });
    expect(await operations.redriveRuns({ filter: {} })).toMatchObject({ redriven: 1 });
    await operations.waitForRun({ runId });
    const { run, attempts } = await operations.getRun({ runId });
    expect(run).toMatchObject({ id: runId, attempt: 2 });
    expect(attempts.map(({ attempt }) => attempt)).toEqual([2, 1]);
    await expect(operations.cancelRun({ runId })).rejects.toThrow(RunNotFoundError);
    expect((await operations.listRuns({ taskId: 'a', limit: 1 })).next).toEqual(expect.any(String));
  });

  it('bound waits where that is asked for', async () => {
    const { scheduler } = await running();
    const operations = new LocalOperations(scheduler, { maxWait: '1m' });
    await expect(operations.waitForRun({ runId: 'a@1', timeout: '2m' })).rejects.toThrow(/at most 60000 ms/);
  });

  it('name only handlers that a live scheduler has, also where the scheduler has none itself', async () => {
    const cluster = new MemoryCluster();
    await cluster.join('worker', { work: () => {} });
    const client = await cluster.join('client', {}, { role: 'client' });
    const operations = new LocalOperations(client);
    await expect(operations.addTask({ handler: 'process.exit' })).rejects.toThrow(UnknownNameError);
    await expect(operations.addTask({ handler: '__proto__' })).rejects.toThrow(UnknownNameError);
    await operations.addTask({ id: 'a', handler: 'work', trigger: HOURLY });
    await expect(operations.updateTask({ id: 'a', handler: 'other' })).rejects.toThrow(UnknownNameError);
    expect(await operations.listHandlers()).toEqual([{ handler: 'work', instances: ['worker'] }]);
    expect((await operations.listInstances()).map(({ identity }) => identity).sort()).toEqual(['client', 'worker']);
    await operations.drainInstance({ identity: 'worker', reason: 'deploy' });
    expect(await operations.listInstances()).toContainEqual(expect.objectContaining({ identity: 'worker' }));
    await operations.undrainInstance({ identity: 'worker' });
  });

  it('stream events until the reader stops, and say how many it was too slow for', async () => {
    const { operations, scheduler, seen } = await running();
    const stop = new AbortController();
    const stream = operations.streamEvents({ names: 'task.added,run.succeeded' }, { signal: stop.signal });
    const reader = stream[Symbol.asyncIterator]();
    await operations.addTask({ id: 'a', handler: 'work' });
    await settle();
    expect(seen).toHaveLength(1);
    expect(await reader.next()).toMatchObject({ value: { name: 'task.added', taskId: 'a' } });
    expect(await reader.next()).toMatchObject({
      value: { name: 'run.succeeded', run: { status: 'succeeded', endedAt: new Date(START).toISOString() } },
    });
    await operations.addTasks({
      tasks: Array.from({ length: 1_000 }, (_, at) => ({ id: `many-${at}`, handler: 'work', trigger: HOURLY })),
    });
    for (const id of ['x', 'y']) await operations.addTask({ id, handler: 'work', trigger: HOURLY });
    await settle();
    const got: EventMessage[] = [];
    for (let at = 0; at < 1_001; at += 1) got.push((await reader.next()).value as EventMessage);
    expect(got.at(-1)).toMatchObject({ name: 'dropped', events: 2 });
    stop.abort();
    expect(await reader.next()).toMatchObject({ done: true });
    const other = operations.streamEvents()[Symbol.asyncIterator]();
    await scheduler.shutdown();
    const names: string[] = [];
    for (let next = await other.next(); !next.done; next = await other.next())
      names.push((next.value as EventMessage).name);
    expect(names.at(-1)).toBe('scheduler.shutdown');
  });
});
