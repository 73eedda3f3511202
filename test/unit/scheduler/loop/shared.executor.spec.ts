import { describe, expect, it } from 'vitest';
import { AsyncExecutor, Scheduler, SettableClock } from 'nestjs-asyncz';
import type { Handler } from 'nestjs-asyncz';
import { Disk } from '../../../support/eight-method.store.js';
import { settle } from '../../../support/gate.js';
import { CLUSTER_START, TakingClusterStore } from '../../../support/memory.cluster.js';
import { stopAfterTest } from '../../../support/scheduler.factory.js';

const COUNT = 60;

/** A scheduler with two stores, each full of due tasks, whose runs share an executor with room for 20. */
async function busy(policies: { readonly timeout?: string } = {}) {
  const clock = new SettableClock(CLUSTER_START);
  const ends = new Map<string, () => void>();
  const begun: string[] = [];
  const counts = { running: 0, most: 0 };
  const work: Handler = async (_args, { task, signal }) => {
    begun.push(task.id);
    counts.running += 1;
    counts.most = Math.max(counts.most, counts.running);
    await new Promise<void>((resolve, reject) => {
      ends.set(task.id, resolve);
      signal.addEventListener('abort', () => reject(signal.reason as Error));
    }).finally(() => (counts.running -= 1));
  };
  const disks = [new Disk(), new Disk()] as const;
  const stores = { default: new TakingClusterStore(disks[0]), other: new TakingClusterStore(disks[1]) };
  const executors = { default: new AsyncExecutor({ concurrency: 20 }) };
  const scheduler = new Scheduler({ identity: 's', clock, stores, executors, startPaused: true });
  scheduler.registerHandler('work', work);
  stopAfterTest(scheduler, clock);
  await scheduler.start();
  for (let at = 0; at < COUNT; at += 1) {
    await scheduler.addTask({ id: `a${at}`, handler: 'work', ...policies });
    await scheduler.addTask({ id: `b${at}`, handler: 'work', store: 'other', ...policies });
  }
  scheduler.resume();
  for (let round = 0; round < 60; round += 1) await settle();
  /** Ends what is under way, and lets as much begin as can. */
  const goOn = async () => {
    for (const [id, end] of ends) {
      ends.delete(id);
      end();
    }
    for (let round = 0; round < 20; round += 1) await settle();
    clock.advance(100);
    await settle();
  };
  return { scheduler, clock, begun, counts, goOn };
}

describe('an executor that two stores share', () => {
  it('executes no more runs at a time than its concurrency, and all of them, each once', async () => {
    const { begun, counts, goOn, scheduler } = await busy();
    expect(counts.running).toBe(20);
    for (let round = 0; round < 100 && begun.length < 2 * COUNT; round += 1) await goOn();
    await goOn();
    expect(counts.most).toBe(20);
    expect(begun).toHaveLength(2 * COUNT);
    expect(new Set(begun).size).toBe(2 * COUNT);
    expect((await scheduler.getTaskInfos({ store: 'other' })).tasks).toEqual([]);
  });

  it('has room for a task of one store as soon as a run of the other one ends', async () => {
    const clock = new SettableClock(CLUSTER_START);
    const begun: string[] = [];
    let end = () => {};
    const work: Handler = ([isLong], { task }) => {
      begun.push(task.id);
      return isLong ? new Promise<void>((resolve) => (end = resolve)) : undefined;
    };
    const [first, second] = [new Disk(), new Disk()];
    const stores = { default: new TakingClusterStore(first), other: new TakingClusterStore(second) };
    const executors = { default: new AsyncExecutor({ concurrency: 1 }) };
    const scheduler = new Scheduler({ identity: 's', clock, stores, executors });
    scheduler.registerHandler('work', work);
    stopAfterTest(scheduler, clock);
    await scheduler.start();
    await scheduler.addTask({ id: 'long', handler: 'work', args: [true] });
    for (let round = 0; round < 10; round += 1) await settle();
    await scheduler.addTask({ id: 'short', handler: 'work', args: [false], store: 'other' });
    for (let round = 0; round < 10; round += 1) await settle();
    expect(begun).toEqual(['long']);
    end();
    // No time passes, so no poll comes.
    for (let round = 0; round < 10; round += 1) await settle();
    expect(begun).toEqual(['long', 'short']);
  });

  it('counts the time of a run that waits for a place from its start', async () => {
    const { clock, begun, goOn, scheduler } = await busy({ timeout: '5s' });
    const first = begun.length;
    clock.advance(4_000);
    await goOn();
    expect(begun.length).toBeGreaterThan(first);
    clock.advance(4_000);
    for (let round = 0; round < 100 && begun.length < 2 * COUNT; round += 1) await goOn();
    await goOn();
    expect((await scheduler.getRuns({ status: 'failed' })).runs).toEqual([]);
  });

  it('gives a run that waits for a place back at a stop, and cancels it when that is asked for', async () => {
    const { clock, begun, scheduler } = await busy();
    // Long enough for their claims to be written.
    clock.advance(1_000);
    for (let round = 0; round < 20; round += 1) await settle();
    const lists = await Promise.all(['default', 'other'].map((store) => scheduler.getTaskInfos({ limit: 200, store })));
    const waiting = lists
      .flatMap(({ tasks }) => tasks)
      .filter((task) => 'live' in task && task.live[0]?.status === 'running' && !begun.includes(task.id));
    expect(waiting.length).toBeGreaterThan(1);
    const [{ id, live }] = waiting as unknown as [{ id: string; live: { id: string }[] }];
    await scheduler.cancelRun(live[0]!.id);
    for (let round = 0; round < 5; round += 1) await settle();
    expect((await scheduler.getRuns({ taskId: id })).runs).toMatchObject([{ status: 'cancelled' }]);
    const stopped = scheduler.shutdown(0);
    for (let round = 0; round < 20; round += 1) {
      clock.advance(100);
      await settle();
    }
    await stopped;
    expect(begun).toHaveLength(20);
  });
});
