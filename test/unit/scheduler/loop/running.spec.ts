import { describe, expect, it } from 'vitest';
import type { TaskContext } from 'nestjs-asyncz';
import type { StoreCapabilities } from 'nestjs-asyncz/store';
import { currentTaskContext, LeaseLostError, MemoryStore, RunTimeoutError, ShutdownError } from 'nestjs-asyncz';
import { makeTask } from 'nestjs-asyncz/testing';
import { DEFAULT_CONCURRENCY } from '../../../../lib/executors/async.executor.js';
import { nextEvent, recordEvents } from '../../../support/events.js';
import { takeOver } from '../../../support/take-over.js';
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
        seen = currentTaskContext();
      },
    });
    await scheduler.start();
    const done = nextEvent(scheduler, 'run.succeeded');
    await scheduler.addTask({ id: 'mine', handler: 'work' });
    await done;
    expect(seen).toMatchObject({ attempt: 1, store: 'default', task: { id: 'mine' } });
    expect(currentTaskContext()).toBeUndefined();
  });

  it('tries a failed run again as its policy says, and then reports the last failure', async () => {
    const attempts: number[] = [];
    const { scheduler, clock } = createScheduler({
      flaky: (_args, { attempt }) => {
        attempts.push(attempt);
        throw new Error(`no ${attempt}`);
      },
    });
    await scheduler.start();
    const failures: boolean[] = [];
    scheduler.addListener((event) => failures.push(event.willRetry), 'run.failed');
    await scheduler.addTask({ handler: 'flaky', retry: { attempts: 3, backoff: 'fixed', delay: '1m' } });
    await settle();
    for (const _ of [1, 2]) {
      clock.advance(60_000);
      await settle();
    }
    expect(attempts).toEqual([1, 2, 3]);
    expect(failures).toEqual([true, true, false]);
    const { runs } = await scheduler.getRuns();
    expect(runs.map((run) => [run.attempt, run.status, run.error?.message])).toEqual([
      [3, 'failed', 'no 3'],
      [2, 'failed', 'no 2'],
      [1, 'failed', 'no 1'],
    ]);
  });

  it.each([NaN, Infinity, Promise.resolve(5), '5s'])(
    'ends a run whose back-off gives %s, which is no number of milliseconds, and does not try it again',
    async (delay) => {
      const work = () => {
        throw new Error('no');
      };
      const { scheduler } = createScheduler({ work }, { backoffs: { own: () => delay as number } });
      await scheduler.start();
      const failed = nextEvent(scheduler, 'run.failed');
      await scheduler.addTask({ handler: 'work', retry: { attempts: 3, backoff: 'own' } });
      expect(await failed).toMatchObject({ willRetry: false, run: { dead: true } });
    },
  );

  it('pauses a task after failures in a row, and tells why', async () => {
    const { scheduler, clock } = createScheduler({ bad: () => Promise.reject(new Error('no')) });
    await scheduler.start();
    const paused = nextEvent(scheduler, 'task.paused');
    await scheduler.addTask({
      id: 'bad',
      handler: 'bad',
      trigger: { type: 'interval', seconds: 1 },
      pauseAfterFailures: 2,
    });
    for (const _ of [1, 2]) {
      clock.advance(1_000);
      await settle();
    }
    expect(await paused).toMatchObject({ taskId: 'bad', reason: '2 failed runs in a row' });
    clock.advance(60_000);
    await settle();
    expect((await scheduler.getRuns()).runs).toHaveLength(2);
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

  it('aborts a run that takes too long and records it as failed, even when it ignores its signal', async () => {
    const { scheduler, clock } = createScheduler({ hang: () => new Promise(() => {}) });
    await scheduler.start();
    const failed = nextEvent(scheduler, 'run.failed');
    await scheduler.addTask({ handler: 'hang', timeout: '1s' });
    await settle();
    clock.advance(1_000);
    clock.advance(5_000);
    const event = await failed;
    expect(event.error).toBeInstanceOf(RunTimeoutError);
    expect(event.run).toMatchObject({ status: 'failed', error: { code: 'ASYNCZ_RUN_TIMEOUT' } });
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

  it('waits until an interval longer than any timer has passed', async () => {
    const { scheduler, clock } = createScheduler({ rare: () => 1 }, { heartbeatInterval: '1d' });
    await scheduler.start();
    await scheduler.addTask({ handler: 'rare', trigger: { type: 'interval', weeks: 10 } });
    const ran = nextEvent(scheduler, 'run.succeeded');
    for (let week = 0; week < 10; week += 1) {
      expect((await scheduler.getRuns()).runs).toEqual([]);
      clock.advance(7 * 86_400_000);
      await settle();
    }
    expect(await ran).toMatchObject({ scheduledTime: new Date(START + 70 * 86_400_000) });
  });

  it('neither storms nor stalls when the clock is stepped back or forward', async () => {
    const times: number[] = [];
    const { scheduler, clock } = createScheduler(
      { tick: (_args, context) => times.push(context.scheduledTime.getTime() - START) },
      { pollInterval: '1s' },
    );
    await scheduler.start();
    await scheduler.addTask({ handler: 'tick', trigger: { type: 'interval', seconds: 60 } });
    clock.set(START + 3 * 3_600_000);
    clock.advance(1_000);
    await settle();
    expect(times).toEqual([3 * 3_600_000]);
    clock.set(START);
    clock.advance(120_000);
    await settle();
    expect(times).toHaveLength(1);
    clock.set(START + 3 * 3_600_000 + 60_000);
    clock.advance(1_000);
    await settle();
    expect(times).toEqual([3 * 3_600_000, 3 * 3_600_000 + 60_000]);
  });

  it("notices with the next poll that the host's clock was stepped", async () => {
    const times: number[] = [];
    const store = new (class extends MemoryStore {
      override readonly capabilities: StoreCapabilities = {
        coordination: 'host',
        wakeUp: 'polled',
        transactionalAdds: false,
        durable: false,
      };
    })();
    const { scheduler, clock } = createScheduler(
      { tick: (_args, context) => times.push(context.scheduledTime.getTime() - START) },
      { store, pollInterval: '1s' },
    );
    await scheduler.start();
    await scheduler.addTask({ handler: 'tick', trigger: { type: 'interval', hours: 1 } });
    clock.advance(1_000);
    await settle();
    clock.set(START + 3_600_000);
    clock.advance(1_000);
    await settle();
    clock.advance(1);
    await settle();
    expect(times).toEqual([3_600_000]);
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

  it('cancels a run under way, and one that waits for its turn', async () => {
    const { scheduler } = createScheduler({
      work: (_args, { signal }) =>
        new Promise((_resolve, reject) => signal.addEventListener('abort', () => reject(signal.reason as Error))),
    });
    await scheduler.start();
    await scheduler.addTask({ id: 'c', handler: 'work', trigger: { type: 'interval', hours: 1 } });
    const started = nextEvent(scheduler, 'run.started');
    const first = await scheduler.runTask('c');
    await started;
    const second = await scheduler.runTask('c');
    await scheduler.cancelRun(second);
    const cancelled = nextEvent(scheduler, 'run.cancelled', (event) => event.runId === first);
    await scheduler.cancelRun(first, { actor: 'ann', reason: 'wrong input' });
    expect(await cancelled).toMatchObject({
      run: { status: 'cancelled', error: { message: expect.stringContaining('by ann: wrong input') } },
    });
    expect((await scheduler.getRuns({ status: 'cancelled' })).runs.map(({ id }) => id).sort()).toEqual(
      [first, second].sort(),
    );
  });

  it('aborts a run whose lease is lost and refuses what it ends with', async () => {
    let signal: AbortSignal | undefined;
    const { scheduler, clock, store } = createScheduler({
      work: (_args, context) => {
        signal = context.signal;
        return new Promise((resolve) => signal!.addEventListener('abort', resolve));
      },
    });
    await scheduler.start();
    const started = nextEvent(scheduler, 'run.started');
    const { id } = await scheduler.addTask({ handler: 'work' });
    const { token } = await started;
    takeOver(store, id, START + 3_600_000);
    const fenced = nextEvent(scheduler, 'run.fenced');
    clock.advance(10_000);
    expect(await fenced).toMatchObject({ taskId: id, token });
    expect(signal?.reason).toBeInstanceOf(LeaseLostError);
    await settle();
    expect(store.lookupTask(id)?.state.live).toMatchObject([{ owner: 'other', token: token + 1 }]);
    expect((await scheduler.getRuns()).runs).toEqual([]);
  });

  it('waits at shutdown for the runs under way, then aborts them and gives them back', async () => {
    let signal: AbortSignal | undefined;
    const { scheduler, clock, store } = createScheduler({
      work: (_args, context) => {
        signal = context.signal;
        return new Promise((_resolve, reject) =>
          signal!.addEventListener('abort', () => reject(signal!.reason as Error)),
        );
      },
    });
    await scheduler.start();
    const started = nextEvent(scheduler, 'run.started');
    const { id } = await scheduler.addTask({ handler: 'work' });
    await started;
    const stopped = scheduler.shutdown(5_000);
    await settle();
    expect(signal?.aborted).toBe(false);
    clock.advance(5_000);
    await stopped;
    expect(signal?.reason).toBeInstanceOf(ShutdownError);
    expect(store.lookupTask(id)?.state.live).toMatchObject([{ status: 'waiting', attempt: 2, owner: null }]);
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
