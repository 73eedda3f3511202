import { describe, expect, it } from 'vitest';
import { AsyncExecutor } from 'nestjs-asyncz';
import type { Handler } from 'nestjs-asyncz';
import type { Exchange, Exchanged } from 'nestjs-asyncz/store';
import { makeLiveRun, makeTask } from '../../../../lib/testing/task.fixtures.js';
import { settle } from '../../../support/gate.js';
import { MemoryCluster, pass, TakingClusterStore } from '../../../support/memory.cluster.js';

const COUNT = 60;

/** A task with a run that is lost for good when it is lost once more. */
const lastChance = (id: string, priority: number, availableAt: number) => {
  const live = [makeLiveRun(`${id}@1`, { attempt: 3, lost: 2, availableAt })];
  return makeTask(id, { policies: { priority, maxLost: 3 }, state: { exhausted: true, live } });
};

/** A store of which the answers to takings can be held up. */
class HeldUpStore extends TakingClusterStore {
  isHeldUp = false;
  failNext = false;
  readonly log: string[] = [];
  readonly waiting: (() => void)[] = [];

  override async exchange(asked: Exchange): Promise<Exchanged> {
    if (!asked.take) return super.exchange(asked);
    this.log.push(asked.write?.length ? `ends ${asked.write.length} and takes` : 'takes');
    const exchanged = await super.exchange(asked);
    if (this.isHeldUp && exchanged.taken!.tasks.length > 0) {
      await new Promise<void>((resolve) => this.waiting.push(resolve));
    }
    if (this.failNext) {
      this.failNext = false;
      throw new Error('The answer is lost.');
    }
    return exchanged;
  }
}

/** A scheduler with much more to do than there is room for, which begins when it is resumed. */
async function busy(work: Handler, concurrency = 20, count = COUNT) {
  const cluster = new MemoryCluster();
  const store = new HeldUpStore(cluster.disk);
  const started: string[] = [];
  const handler: Handler = (args, context) => {
    started.push(context.task.id);
    store.log.push('starts');
    return work(args, context);
  };
  const executors = { default: new AsyncExecutor({ concurrency }) };
  const scheduler = await cluster.join('s', { work: handler }, { store, executors, startPaused: true });
  for (let at = 0; at < count; at += 1) await scheduler.addTask({ id: `t${at}`, handler: 'work' });
  return { cluster, store, started, scheduler };
}

describe('a claim, while more is due than there is room for', () => {
  it('is asked for before the runs of the one before start, and takes along what ended since', async () => {
    const { cluster, store, started, scheduler } = await busy(() => 1);
    scheduler.resume();
    // All that can happen before time passes.
    for (let round = 0; round < 10; round += 1) await settle();
    await pass(cluster, 2_000);
    expect(started).toHaveLength(COUNT);
    expect(new Set(started).size).toBe(COUNT);
    expect(store.log.slice(0, 3)).toEqual(['takes', 'takes', 'starts']);
    expect(store.log.filter((line) => line.startsWith('ends')).length).toBeGreaterThan(1);
    expect((await scheduler.getRuns({ limit: 100 })).runs).toHaveLength(COUNT);
    expect((await scheduler.getTaskInfos()).tasks).toEqual([]);
  });

  it('is one of two where there is room, and each of their runs starts once', async () => {
    const { cluster, store, started, scheduler } = await busy(() => 1, 100, 300);
    scheduler.resume();
    for (let round = 0; round < 10; round += 1) await settle();
    // The first claim takes few, as nobody knows the store yet.
    const beforeFirst = store.log.slice(0, store.log.indexOf('starts'));
    expect(beforeFirst).toEqual(['takes', 'takes', 'takes']);
    await pass(cluster, 3_000);
    expect(started).toHaveLength(300);
    expect(new Set(started).size).toBe(300);
    expect((await scheduler.getTaskInfos()).tasks).toEqual([]);
  });

  it('fails without holding up those that were asked for beside it', async () => {
    const { cluster, store, started, scheduler } = await busy(() => 1, 100, 300);
    store.isHeldUp = true;
    scheduler.resume();
    await settle();
    store.waiting.shift()!();
    for (let round = 0; round < 5; round += 1) await settle();
    expect(store.waiting).toHaveLength(2);
    const { length } = started;
    const [first, second] = store.waiting.splice(0);
    store.failNext = true;
    first!();
    await settle();
    expect(started).toHaveLength(length);
    store.isHeldUp = false;
    second!();
    // No time passes: the pause after a failure is not over.
    for (let round = 0; round < 5; round += 1) await settle();
    expect(started.length).toBeGreaterThan(length);
    await pass(cluster, 3_000);
    expect(new Set(started).size).toBeLessThan(300);
    await pass(cluster, 40_000, 1_000);
    expect(started).toHaveLength(300);
    expect(new Set(started).size).toBe(300);
  });

  it('starts all the same when the scheduler is paused meanwhile, and nothing after it', async () => {
    const ends: (() => void)[] = [];
    const { cluster, store, started, scheduler } = await busy(() => new Promise<void>((resolve) => ends.push(resolve)));
    store.isHeldUp = true;
    scheduler.resume();
    await settle();
    store.waiting.shift()!();
    await settle();
    scheduler.pause();
    const before = started.length;
    for (const answer of store.waiting.splice(0)) answer();
    await pass(cluster, 1_000);
    const after = started.length;
    expect(after).toBeLessThanOrEqual(20);
    expect(after).toBeGreaterThanOrEqual(before);
    for (const end of ends.splice(0)) end();
    await pass(cluster, 2_000);
    expect(started).toHaveLength(after);
    store.isHeldUp = false;
    scheduler.resume();
    for (let round = 0; round < 20; round += 1) {
      for (const end of ends.splice(0)) end();
      await pass(cluster, 200);
    }
    expect(new Set(started).size).toBe(COUNT);
    expect(started).toHaveLength(COUNT);
  });

  it('is over when a stop is: what it took has run, or is due for others at once', async () => {
    const { cluster, store, started, scheduler } = await busy(() => 1);
    store.isHeldUp = true;
    scheduler.resume();
    await settle();
    for (let round = 0; round < 3; round += 1) {
      store.waiting.shift()?.();
      await settle();
    }
    const stopped = scheduler.shutdown(1_000);
    for (let round = 0; round < 10; round += 1) {
      for (const answer of store.waiting.splice(0)) answer();
      await pass(cluster, 100);
    }
    await stopped;
    const heir = await cluster.join('heir', { work: (_args, { task }) => void started.push(task.id) });
    await pass(cluster, 2_000);
    expect(started.toSorted()).toEqual([...new Set(started)].toSorted());
    expect(started).toHaveLength(COUNT);
    expect((await heir.getTaskInfos()).tasks).toEqual([]);
  });

  it('tells the time of the store when its answer comes, however long the runs before it take to start', async () => {
    const calledAt = new Map<string, number>();
    const { cluster, scheduler } = await busy((_args, { task }) => {
      // Long enough for the process to get to its other work, the answer among it. Then the last one of the first claim.
      const isLong = calledAt.size === 15;
      cluster.clock.advance(isLong ? 2_000 : 11);
      calledAt.set(task.id, cluster.clock.now());
    });
    scheduler.resume();
    for (let round = 0; round < 10; round += 1) await settle();
    await pass(cluster, 2_000);
    const { runs } = await scheduler.getRuns({ limit: 100 });
    expect(runs).toHaveLength(COUNT);
    // The answer itself takes ten turns.
    expect(Math.max(...runs.map(({ taskId, endedAt }) => calledAt.get(taskId)! - endedAt.getTime()))).toBeLessThan(200);
  });

  it('starts no run whose next loss is its last beside one that the claim before is about to start', async () => {
    const cluster = new MemoryCluster();
    const store = new TakingClusterStore(cluster.disk);
    const started: string[] = [];
    const work: Handler = async (_args, { task }) => {
      started.push(task.id);
      // Long enough for the process to get to its other work, the answer to the next claim among it.
      cluster.clock.advance(11);
      if (task.id.startsWith('last')) await new Promise(() => {});
    };
    const executors = { default: new AsyncExecutor({ concurrency: 20 }) };
    const scheduler = await cluster.join('s', { work }, { store, executors, startPaused: true });
    const now = cluster.clock.now();
    const add = (id: string, priority: number) =>
      store.addTask(makeTask(id, { policies: { priority }, nextRunTime: now }));
    const addLast = (id: string, priority: number) => store.addTask(lastChance(id, priority, now));
    for (let at = 0; at < 15; at += 1) await add(`first-${at}`, 0);
    await addLast('last-1', 1);
    await addLast('last-2', 2);
    for (let at = 0; at < 20; at += 1) await add(`more-${at}`, 3);
    scheduler.resume();
    for (let round = 0; round < 10; round += 1) await settle();
    expect(started.filter((id) => id.startsWith('last'))).toEqual(['last-1']);
    expect(started).toContain('more-19');
  });

  it('starts no run whose next loss is its last beside one of a claim that is answered at the same time', async () => {
    const { cluster, store, started, scheduler } = await busy(() => new Promise(() => {}), 100, 0);
    const now = cluster.clock.now();
    const add = (id: string, priority: number) =>
      store.addTask(makeTask(id, { policies: { priority }, nextRunTime: now }));
    for (let at = 0; at < 16; at += 1) await add(`first-${at}`, 0);
    await store.addTask(lastChance('last-1', 1, now));
    for (let at = 0; at < 31; at += 1) await add(`second-${at}`, 2);
    await store.addTask(lastChance('last-2', 3, now));
    for (let at = 0; at < 40; at += 1) await add(`third-${at}`, 4);
    store.isHeldUp = true;
    scheduler.resume();
    for (let round = 0; round < 5; round += 1) await settle();
    store.waiting.shift()!();
    for (let round = 0; round < 10; round += 1) await settle();
    expect(store.waiting).toHaveLength(2);
    store.isHeldUp = false;
    for (const answer of store.waiting.splice(0)) answer();
    for (let round = 0; round < 20; round += 1) await settle();
    expect(started.filter((id) => id.startsWith('last'))).toEqual(['last-1']);
    expect(started).toContain('third-39');
  });

  it('starts no more runs than there is room for, where tasks have several runs', async () => {
    const { cluster, store, started, scheduler } = await busy(() => new Promise(() => {}), 100, 0);
    const availableAt = cluster.clock.now();
    for (let at = 0; at < 16; at += 1) {
      await store.addTask(makeTask(`first-${at}`, { policies: { priority: 0 }, nextRunTime: availableAt }));
    }
    for (let at = 0; at < 70; at += 1) {
      const live = [1, 2, 3].map((run) => makeLiveRun(`many-${at}@${run}`, { source: 'manual', availableAt }));
      const policies = { priority: 1, overlap: 'allow' } as const;
      await store.addTask(makeTask(`many-${at}`, { policies, state: { exhausted: true, live } }));
    }
    scheduler.resume();
    for (let round = 0; round < 20; round += 1) await settle();
    await pass(cluster, 1_000);
    expect(started).toHaveLength(100);
  });

  it.each(['a moment later', 'when nothing more is to be claimed'])(
    'of which no answer comes does not keep what has ended from being written, %s',
    async (when) => {
      const { cluster, store, started, scheduler } = await busy(() => 1);
      store.isHeldUp = true;
      scheduler.resume();
      await settle();
      store.waiting.shift()!();
      await settle();
      const { length } = started;
      expect([length > 0, (await scheduler.getRuns({ limit: 100 })).runs]).toEqual([true, []]);
      if (when === 'a moment later') await pass(cluster, 200);
      else scheduler.pause();
      await settle();
      expect(started).toHaveLength(length);
      expect((await scheduler.getRuns({ limit: 100 })).runs).toHaveLength(length);
      store.isHeldUp = false;
      for (const answer of store.waiting.splice(0)) answer();
    },
  );
});
