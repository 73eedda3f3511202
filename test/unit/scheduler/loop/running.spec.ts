import { describe, expect, it } from 'vitest';
import { TaskContext } from 'nestjs-asyncz';
import { makeTask } from 'nestjs-asyncz/testing';
import { DEFAULT_CONCURRENCY } from '../../../../lib/executors/async.executor.js';
import { nextEvent, recordEvents } from '../../../support/events.js';
import { createScheduler, settle, START } from '../../../support/scheduler.factory.js';

const names = (events: readonly { name: string }[]) => events.map(({ name }) => name);

describe('a running scheduler', () => {
  it('runs a one-shot with its arguments and removes it', async () => {
    const seen: unknown[] = [];
    const { scheduler } = createScheduler({ greet: (args) => seen.push(...args) });
    await scheduler.start();
    const removed = nextEvent(scheduler, 'task.removed');
    const { id } = await scheduler.addTask({ handler: 'greet', args: ['hello', { to: 'you' }] });
    expect(await removed).toMatchObject({ taskId: id, reason: 'finished' });
    expect(seen).toEqual(['hello', { to: 'you' }]);
    expect(await scheduler.getTask(id)).toBeNull();
    expect((await scheduler.getRuns()).runs).toMatchObject([{ taskId: id, status: 'succeeded', attempt: 1 }]);
  });

  it('runs an interval on its grid, however late a run was', async () => {
    const times: number[] = [];
    const { scheduler, clock } = createScheduler({
      tick: (_args, context) => times.push(context.scheduledTime.getTime() - START),
    });
    await scheduler.start();
    await scheduler.addTask({ handler: 'tick', trigger: { type: 'interval', seconds: 10 } });
    for (const step of [10_000, 13_000, 7_000]) {
      clock.advance(step);
      await settle();
    }
    expect(times).toEqual([10_000, 20_000, 30_000]);
  });

  it('tells of a run in order: submitted, started, how it ended, removed', async () => {
    const { scheduler } = createScheduler({ work: () => 7 });
    await scheduler.start();
    const events = recordEvents(scheduler);
    const removed = nextEvent(scheduler, 'task.removed');
    await scheduler.addTask({ handler: 'work' });
    await removed;
    expect(names(events)).toEqual(['task.added', 'run.submitted', 'run.started', 'run.succeeded', 'task.removed']);
    expect(events[3]).toMatchObject({ run: { result: 7, status: 'succeeded' } });
  });

  it('gives code below a handler the context of its run', async () => {
    let seen: TaskContext | undefined;
    const { scheduler } = createScheduler({
      work: async () => {
        await Promise.resolve();
        seen = TaskContext.current();
      },
    });
    await scheduler.start();
    const done = nextEvent(scheduler, 'run.succeeded');
    await scheduler.addTask({ id: 'mine', handler: 'work' });
    await done;
    expect(seen).toMatchObject({ attempt: 1, store: 'default', task: { id: 'mine' } });
    expect(TaskContext.current()).toBeUndefined();
  });

  it('goes on when a handler throws what is no error, or a listener throws or rejects', async () => {
    const { scheduler } = createScheduler({
      odd: () => {
        // oxlint-disable-next-line no-throw-literal, typescript/only-throw-error -- anything can be thrown
        throw null;
      },
      good: () => 'fine',
    });
    scheduler.addListener(() => {
      throw new Error('listener');
    });
    scheduler.addListener(() => Promise.reject(new Error('async listener')));
    await scheduler.start();
    const failed = nextEvent(scheduler, 'run.failed');
    await scheduler.addTask({ handler: 'odd' });
    expect(await failed).toMatchObject({ run: { error: { message: 'null' } } });
    const succeeded = nextEvent(scheduler, 'run.succeeded');
    await scheduler.addTask({ handler: 'good' });
    expect(await succeeded).toMatchObject({ run: { result: 'fine' } });
  });

  it('holds a task to its maxInstances and records what it skips', async () => {
    let release = () => {};
    const { scheduler, clock } = createScheduler({ slow: () => new Promise<void>((resolve) => (release = resolve)) });
    await scheduler.start();
    const skipped = nextEvent(scheduler, 'run.skipped');
    await scheduler.addTask({ handler: 'slow', trigger: { type: 'interval', seconds: 10 } });
    clock.advance(10_000);
    await settle();
    clock.advance(10_000);
    expect(await skipped).toMatchObject({ scheduledTime: new Date(START + 20_000) });
    release();
  });

  it('runs an extra run beside the schedule, also of a paused task, and leaves both as they are', async () => {
    const { scheduler } = createScheduler({ work: () => 1 });
    await scheduler.start();
    const task = await scheduler.addTask({ id: 'w', handler: 'work', trigger: { type: 'interval', hours: 1 } });
    await task.pause({ actor: 'ann', reason: 'audit' });
    const ended = nextEvent(scheduler, 'run.succeeded');
    const runId = await scheduler.runTask('w');
    expect(await ended).toMatchObject({ runId, source: 'manual' });
    const info = await scheduler.getTaskInfo('w');
    expect(info).toMatchObject({
      state: 'paused',
      pause: { actor: 'ann', reason: 'audit' },
      nextRunTime: task.nextRunTime,
    });
  });

  it('waits for a run and gives what it ended with', async () => {
    const { scheduler } = createScheduler({ sum: (args) => (args as number[]).reduce((a, b) => a + b, 0) });
    await scheduler.start();
    await scheduler.addTask({ id: 's', handler: 'sum', args: [1, 2, 3], trigger: { type: 'interval', hours: 1 } });
    const runId = await scheduler.runTask('s');
    expect(await scheduler.waitForRun(runId)).toMatchObject({ status: 'succeeded', result: 6 });
  });

  it('does not start runs while it is paused, and folds what came due meanwhile', async () => {
    const coalesced: number[] = [];
    const { scheduler, clock } = createScheduler({ tick: (_args, context) => coalesced.push(context.coalesced) });
    await scheduler.start();
    await scheduler.addTask({ handler: 'tick', trigger: { type: 'interval', seconds: 1 } });
    scheduler.pause();
    await settle();
    clock.advance(60_000);
    await settle();
    expect(coalesced).toEqual([]);
    scheduler.resume();
    await settle();
    expect(coalesced).toEqual([59]);
  });

  it('leaves the process to its other work between claims, also where the store answers at once', async () => {
    const turns: number[] = [];
    let turn = 0;
    const { scheduler, store } = createScheduler({ work: () => turns.push(turn) });
    await scheduler.start();
    const count = 10 * DEFAULT_CONCURRENCY;
    await store.addTasks(Array.from({ length: count }, (_, at) => makeTask(`t${at}`, { nextRunTime: START })));
    scheduler.pause();
    scheduler.resume();
    while (turns.length < count && turn < 1_000) {
      await new Promise(setImmediate);
      turn += 1;
    }
    // A claim takes as many as there is room for.
    for (const at of new Set(turns)) {
      expect(turns.filter((one) => one === at).length).toBeLessThanOrEqual(DEFAULT_CONCURRENCY);
    }
    expect(turns).toHaveLength(count);
  });

  it('runs startup tasks at the start and shutdown tasks at the stop', async () => {
    const seen: string[] = [];
    const { scheduler } = createScheduler({ up: () => seen.push('up'), down: () => seen.push('down') });
    scheduler.declareTasks([
      { id: 'up', handler: 'up', trigger: { type: 'startup' } },
      { id: 'down', handler: 'down', trigger: { type: 'shutdown' } },
    ]);
    const ran = nextEvent(scheduler, 'run.succeeded');
    await scheduler.start();
    await ran;
    expect(seen).toEqual(['up']);
    await scheduler.shutdown();
    expect(seen).toEqual(['up', 'down']);
  });
});
