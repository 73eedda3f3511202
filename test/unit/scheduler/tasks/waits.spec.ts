import { setMaxListeners } from 'node:events';
import { describe, expect, it } from 'vitest';
import {
  InvalidTaskStateError,
  MemoryStore,
  RunNotFoundError,
  RunWaitTimeoutError,
  SchedulerNotRunningError,
  StoreUnavailableError,
  TaskNotFoundError,
  TaskWaitTimeoutError,
} from 'nestjs-asyncz';
import type { TaskInfo } from 'nestjs-asyncz';
import { nextEvent } from '../../../support/events.js';
import { HookedStore } from '../../../support/hooked.store.js';
import { Disk } from '../../../support/eight-method.store.js';
import { MemoryCluster } from '../../../support/memory.cluster.js';
import { createRunning, createScheduler, settle, START } from '../../../support/scheduler.factory.js';
import { HOURLY } from '../../../support/task.factory.js';

const HOUR = 3_600_000;

/** A handler that waits to be told how it ends. */
function gated() {
  let end: (value: unknown) => void = () => {};
  return { handler: () => new Promise((resolve) => (end = resolve)), end: (value: unknown) => end(value) };
}

/** What a promise comes to, to be looked at later: nothing is unhandled meanwhile. */
function watched<T>(promise: Promise<T>) {
  const seen: { value?: T; error?: unknown } = {};
  void promise.then(
    (value) => (seen.value = value),
    (error: unknown) => (seen.error = error),
  );
  return seen;
}

async function pass(cluster: MemoryCluster, ms = 2_000): Promise<void> {
  for (let left = ms; left > 0; left -= 100) {
    await settle();
    cluster.clock.advance(100);
  }
  await settle();
}

describe('waiting for a task', () => {
  it('resolves with the end of a one-shot, with its result, in its process and on another node', async () => {
    const cluster = new MemoryCluster();
    const worker = await cluster.join('worker', { work: () => 'done' });
    const client = await cluster.join('client', {}, { role: 'client' });
    const { id } = await client.addTask({ handler: 'work', delay: '10s' });
    const waits = [worker, client].map((node) => node.waitForTask(id));
    await pass(cluster, 12_000);
    for (const wait of waits) expect(await wait).toMatchObject({ taskId: id, status: 'succeeded', result: 'done' });
    // It is gone, and its last run is what it came to.
    expect(await client.waitForTask(id)).toMatchObject({ result: 'done' });
  });

  it('resolves with the next run that ends for good, past those that are tried again', async () => {
    let attempt = 0;
    const { scheduler, clock } = await createRunning({
      work: () => {
        attempt += 1;
        if (attempt % 3 !== 0) throw new Error('not yet');
        return attempt;
      },
    });
    const task = await scheduler.addTask({
      id: 'a',
      handler: 'work',
      trigger: HOURLY,
      retry: { attempts: 3, delay: '1s' },
    });
    for (const result of [3, 6]) {
      const seen = watched(scheduler.waitForTask(task, { timeout: '1d' }));
      for (let step = 0; step < 20 && seen.value === undefined; step += 1) {
        clock.advance(HOUR / 10);
        await settle();
      }
      expect(seen.value).toMatchObject({ attempt: 3, result });
    }
  });

  it('resolves at once where nothing is to come any more, and says so where nothing ever was', async () => {
    const { scheduler, clock } = createScheduler({ work: () => 'done' });
    const runAt = START + HOUR;
    scheduler.declareTasks([
      { id: 'once', handler: 'work', trigger: { type: 'date', runAt } },
      { id: 'never', handler: 'work', trigger: { type: 'cron', expression: '0 0 1 1 *', endAt: START - HOUR } },
    ]);
    await scheduler.start();
    clock.advance(HOUR);
    await settle();
    expect(await scheduler.waitForTask('once')).toMatchObject({ result: 'done' });
    await expect(scheduler.waitForTask('never')).rejects.toThrow(InvalidTaskStateError);
    await expect(scheduler.waitForTask('none')).rejects.toThrow(TaskNotFoundError);
  });

  it('rejects when the task is removed, and when its run leaves no record', async () => {
    const { scheduler, clock } = await createRunning({ work: () => 'done' });
    await scheduler.addTask({ id: 'a', handler: 'work', trigger: HOURLY });
    const removed = watched(scheduler.waitForTask('a'));
    await settle();
    await scheduler.deleteTask('a');
    clock.advance(2_000);
    await settle();
    expect(removed.error).toBeInstanceOf(TaskNotFoundError);
    await scheduler.addTask({ id: 'b', handler: 'work', trigger: HOURLY, history: 'none' });
    const here = watched(scheduler.waitForTask('b', { timeout: '2h' }));
    await settle();
    clock.advance(HOUR);
    await settle();
    // In the process that runs it it is known all the same.
    expect(here.value).toMatchObject({ result: 'done' });
  });

  it('rejects after its timeout, which is an hour unless another one is given', async () => {
    const { scheduler, clock } = await createRunning({ work: () => 1 });
    await scheduler.addTask({ id: 'a', handler: 'work', trigger: HOURLY, paused: true });
    const waits = [undefined, '10s'].map((timeout) => watched(scheduler.waitForTask('a', { timeout })));
    const passing = async (ms: number) => {
      for (let left = ms; left > 0; left -= 500) {
        clock.advance(500);
        await settle();
      }
    };
    await passing(10_000);
    expect(waits.map(({ error }) => error instanceof TaskWaitTimeoutError)).toEqual([false, true]);
    clock.advance(HOUR - 11_000);
    await settle();
    expect(waits[0]!.error).toBeUndefined();
    await passing(2_000);
    expect(waits[0]!.error).toMatchObject({ code: 'ASYNCZ_TASK_WAIT_TIMEOUT', taskId: 'a' });
  });
});

/** Counts how often tasks are read by their ids. */
class CountingStore extends MemoryStore {
  looks = 0;

  override lookupTask(id: string) {
    this.looks += 1;
    return super.lookupTask(id);
  }
}

describe('waiting for a run', () => {
  it('asks the store at most 500 times a second for a process, however many wait and however often it wakes them', async () => {
    const store = new CountingStore();
    const { scheduler, clock } = await createRunning({ work: () => {} }, { store });
    await scheduler.addTask({ id: 'later', handler: 'work', delay: '1h' });
    const controller = new AbortController();
    setMaxListeners(0, controller.signal);
    const waits = Array.from({ length: 1_000 }, () => scheduler.waitForTask('later', { signal: controller.signal }));
    for (const wait of waits) wait.catch(() => {});
    await settle();
    store.looks = 0;
    for (let at = 0; at < 100; at += 1) {
      await scheduler.addTask({ id: `${at}`, handler: 'work' });
      clock.advance(100);
      await settle();
    }
    expect(store.looks).toBeGreaterThan(1_000);
    expect(store.looks).toBeLessThan(6_000);
    controller.abort(new Error('enough'));
    await expect(waits[0]).rejects.toThrow('enough');
  });

  it('hears of all ends at once where thousands of runs of one task are waited for', async () => {
    const { scheduler } = await createRunning({ work: () => 7 });
    await scheduler.addTask({ id: 'a', handler: 'work', trigger: HOURLY });
    const runs = await Promise.all(Array.from({ length: 200 }, () => scheduler.runTask('a', { wait: true })));
    expect(runs.every(({ result }) => result === 7)).toBe(true);
    expect(new Set(runs.map(({ id }) => id)).size).toBe(200);
  });

  it('ends with its signal at once, also while the store does not answer, and leaves the run and no timer', async () => {
    const store = new HookedStore(new Disk());
    const { handler, end } = gated();
    const { scheduler, clock } = await createRunning({ slow: handler }, { store: store as never });
    await scheduler.addTask({ id: 'a', handler: 'slow', trigger: HOURLY });
    const runId = await scheduler.runTask('a');
    await settle();
    const timers = clock.pendingTimers;
    const abort = new AbortController();
    const seen = watched(scheduler.waitForRun(runId, { signal: abort.signal }));
    await settle();
    abort.abort(new Error('not interested'));
    await settle();
    expect(seen.error).toEqual(new Error('not interested'));
    expect(clock.pendingTimers).toBe(timers);
    await expect(scheduler.waitForRun(runId, { signal: AbortSignal.abort(new Error('too late')) })).rejects.toThrow(
      'too late',
    );
    end('done');
    expect(await scheduler.waitForRun(runId)).toMatchObject({ result: 'done' });
  });

  it('ends with the scheduler, and is refused while that is stopped', async () => {
    const cluster = new MemoryCluster();
    const { handler } = gated();
    const worker = await cluster.join('worker', { slow: handler });
    const client = await cluster.join('client', {}, { role: 'client' });
    await client.addTask({ id: 'a', handler: 'slow', trigger: HOURLY });
    const runId = await client.runTask('a');
    const waits = [watched(client.waitForRun(runId)), watched(client.waitForTask('a'))];
    await settle();
    const timersOfWorker = worker.state;
    await client.shutdown();
    await settle();
    for (const { error } of waits) expect(error).toBeInstanceOf(SchedulerNotRunningError);
    expect(timersOfWorker).toBe('running');
    await expect(client.waitForRun(runId)).rejects.toThrow(SchedulerNotRunningError);
    await expect(client.waitForTask('a')).rejects.toThrow(SchedulerNotRunningError);
  });

  it('is told on another node as soon as a run ends that was asked for, and does not ask the store all the time', async () => {
    const cluster = new MemoryCluster();
    const { handler, end } = gated();
    await cluster.join('worker', { slow: handler });
    const store = new HookedStore(cluster.disk);
    const client = await cluster.join('client', {}, { role: 'client', store });
    await client.addTask({ id: 'a', handler: 'slow', trigger: HOURLY });
    const seen = watched(client.runTask('a', { wait: true, timeout: '1d' }));
    // Looks are a second apart by now.
    await pass(cluster, 10_000);
    expect(seen).toEqual({});
    end('done');
    await settle();
    cluster.clock.advance(25);
    await settle();
    expect(seen.value).toMatchObject({ result: 'done' });
  });

  it('waits out an outage of the store that comes in the middle, and names it when its time is over', async () => {
    const { handler, end } = gated();
    const { scheduler, clock, store } = await createRunning({ slow: handler });
    await scheduler.addTask({ id: 'a', handler: 'slow', trigger: HOURLY });
    const runId = await scheduler.runTask('a');
    await settle();
    const kept = watched(scheduler.waitForRun(runId));
    const over = watched(scheduler.waitForRun(runId, { timeout: '3s' }));
    await settle();
    const lookupTask = store.lookupTask.bind(store);
    store.lookupTask = () => {
      throw new StoreUnavailableError('the server', 'gone');
    };
    await expect(scheduler.waitForRun(runId)).rejects.toThrow(StoreUnavailableError);
    for (let second = 0; second < 5; second += 1) {
      clock.advance(1_000);
      await settle();
    }
    expect(over.error).toBeInstanceOf(RunWaitTimeoutError);
    expect((over.error as Error).cause).toBeInstanceOf(StoreUnavailableError);
    store.lookupTask = lookupTask;
    end('done');
    clock.advance(1_000);
    await settle();
    expect(kept.value).toMatchObject({ result: 'done' });
  });
});

describe('looking at a run', () => {
  it('gives it as it stands: waiting, under way, or as it ended last', async () => {
    const { handler, end } = gated();
    const { scheduler } = await createRunning({ slow: handler });
    await scheduler.addTask({ id: 'a', handler: 'slow', trigger: HOURLY });
    const started = nextEvent(scheduler, 'run.started');
    const first = await scheduler.runTask('a', { actor: 'ada' });
    await started;
    const second = await scheduler.runTask('a');
    expect(await scheduler.getRun(first)).toMatchObject({
      id: first,
      taskId: 'a',
      handler: 'slow',
      status: 'running',
      request: { actor: 'ada' },
      scheduledTime: new Date(START),
      startedAt: new Date(START),
      cancel: null,
    });
    expect(await scheduler.getRun(second)).toMatchObject({ status: 'waiting', owner: null, startedAt: null });
    end('done');
    await settle();
    expect(await scheduler.getRun(first)).toMatchObject({
      status: 'succeeded',
      result: 'done',
      endedAt: new Date(START),
    });
    for (const none of ['a@none', 'nothing', 'b@2026-01-01T00:00:00.000Z'])
      expect(await scheduler.getRun(none)).toBeNull();
    await expect(scheduler.waitForRun('a@none')).rejects.toThrow(RunNotFoundError);
  });

  it('finds a run that has just started, which stands in the lease of its task only', async () => {
    const { handler } = gated();
    const { scheduler } = await createRunning({ slow: handler });
    const started = nextEvent(scheduler, 'run.started');
    await scheduler.addTask({ id: 'a', handler: 'slow' });
    const { runId } = await started;
    expect(await scheduler.getRun(runId)).toMatchObject({ id: runId, status: 'running' });
    expect(((await scheduler.getTaskInfo('a')) as TaskInfo).live).toHaveLength(1);
  });
});
