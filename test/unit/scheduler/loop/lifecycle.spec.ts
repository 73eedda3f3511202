import { describe, expect, it } from 'vitest';
import { TaskContext } from 'nestjs-asyncz';
import type { DeclaredTask, Handler } from 'nestjs-asyncz';
import { createTaskContext } from 'nestjs-asyncz/testing';
import { nextEvent } from '../../../support/events.js';
import { MemoryCluster } from '../../../support/memory.cluster.js';
import { RecordingLogger } from '../../../support/recording.logger.js';
import { createScheduler, settle } from '../../../support/scheduler.factory.js';

const EVERY_TEN_SECONDS = { trigger: { type: 'interval', seconds: 10 } } as const;

type Feed = (args: readonly unknown[], context: TaskContext) => AsyncGenerator | Generator;

/** A scheduler that declares a task whose handler is a generator, and how to wait for its next ticks. */
async function ticking(feed: Feed, options: Partial<DeclaredTask> = {}) {
  const logger = new RecordingLogger();
  const made = createScheduler({ feed: feed as Handler }, { logger });
  const { scheduler, clock } = made;
  scheduler.declareTasks([{ id: 'feed', handler: 'feed', ...EVERY_TEN_SECONDS, ...options } as DeclaredTask]);
  await scheduler.start();
  const tick = async (name: 'run.succeeded' | 'run.failed' = 'run.succeeded') => {
    const ended = nextEvent(scheduler, name);
    clock.advance(10_000);
    return (await ended).run;
  };
  return { ...made, logger, tick };
}

/** What a feed has done, in order. */
function recordingFeed() {
  const done: string[] = [];
  async function* feed(_args: readonly unknown[], first: TaskContext): AsyncGenerator<number, void, TaskContext> {
    await Promise.resolve();
    done.push(`set up in ${first.scheduledTime.getUTCSeconds()}`);
    let ticks = 0;
    try {
      for (;;) {
        const context = yield ticks;
        await Promise.resolve();
        ticks += 1;
        done.push(`tick ${ticks} in ${context.scheduledTime.getUTCSeconds()}`);
      }
    } finally {
      await Promise.resolve();
      done.push('cleaned up');
    }
  }
  return { feed, done };
}

describe('a task whose handler is a generator', () => {
  it('sets up before its first tick, has a tick for each run, and cleans up when the scheduler stops', async () => {
    const { feed, done } = recordingFeed();
    const { scheduler, tick } = await ticking(feed);
    await settle();
    expect(done).toEqual([]);
    const results = [(await tick()).result, (await tick()).result, (await tick()).result];
    expect(results).toEqual([1, 2, 3]);
    await scheduler.shutdown();
    expect(done).toEqual(['set up in 10', 'tick 1 in 10', 'tick 2 in 20', 'tick 3 in 30', 'cleaned up']);
  });

  it('begins anew after a stop and a start', async () => {
    const { feed, done } = recordingFeed();
    const { scheduler, tick } = await ticking(feed);
    for (let start = 1; start <= 2; start += 1) {
      await tick();
      await scheduler.shutdown();
      if (start === 1) await scheduler.start();
    }
    expect(done).toEqual(['set up in 10', 'tick 1 in 10', 'cleaned up', 'set up in 20', 'tick 1 in 20', 'cleaned up']);
  });

  it('may be a synchronous one, and has the context of each tick below it', async () => {
    const seen: unknown[] = [];
    function* feed(): Generator<string, void, TaskContext> {
      for (;;) {
        const context = yield 'yielded';
        seen.push(TaskContext.current() === context, context.runId);
      }
    }
    const { tick } = await ticking(feed);
    const runs = [await tick(), await tick()];
    expect(runs.map(({ result }) => result)).toEqual(['yielded', 'yielded']);
    expect(seen).toEqual([true, runs[0]!.id, true, runs[1]!.id]);
  });

  it('cleans up in the finally of its own when a tick throws, and sets up again at the next', async () => {
    const done: string[] = [];
    async function* feed() {
      done.push('set up');
      try {
        yield;
        if (done.filter((one) => one === 'set up').length === 1) throw new Error('lost the connection');
        done.push('tick');
        yield;
      } finally {
        done.push('cleaned up');
      }
    }
    const { tick, scheduler } = await ticking(feed);
    expect(await tick('run.failed')).toMatchObject({ error: { message: 'lost the connection' } });
    await tick();
    await scheduler.shutdown();
    expect(done).toEqual(['set up', 'cleaned up', 'set up', 'tick', 'cleaned up']);
  });

  it('that returns has ended with what it returns, and begins anew with the next run', async () => {
    let begun = 0;
    async function* feed() {
      begun += 1;
      yield;
      return `end ${begun}`;
    }
    const { tick } = await ticking(feed);
    expect([(await tick()).result, (await tick()).result]).toEqual(['end 1', 'end 2']);
  });

  it('that does not yield is a handler as any other', async () => {
    async function* feed(args: readonly unknown[]) {
      if (args.length > 0) yield;
      await Promise.resolve();
      return 'done';
    }
    const { tick } = await ticking(feed);
    expect((await tick()).result).toBe('done');
  });

  it('that fails to set up fails the run, is tried again, and has nothing to clean up', async () => {
    let attempts = 0;
    async function* feed() {
      attempts += 1;
      if (attempts === 1) throw new Error('refused');
      yield;
      yield 'a tick';
    }
    const { clock, scheduler } = await ticking(feed, { retry: { attempts: 2, backoff: 'fixed', delay: '1s' } });
    const failed = nextEvent(scheduler, 'run.failed');
    const succeeded = nextEvent(scheduler, 'run.succeeded');
    clock.advance(10_000);
    expect(await failed).toMatchObject({ error: { message: 'refused' }, willRetry: true });
    await settle();
    clock.advance(1_000);
    expect(await succeeded).toMatchObject({ attempt: 2, run: { result: 'a tick' } });
  });

  it('has one tick after the other, also where its runs overlap', async () => {
    const done: string[] = [];
    let release = () => {};
    async function* feed(): AsyncGenerator<void, void, TaskContext> {
      for (;;) {
        const { source } = yield;
        done.push(`${source} begins`);
        if (source === 'schedule') await new Promise<void>((resolve) => (release = resolve));
        done.push(`${source} ends`);
      }
    }
    const { clock, scheduler } = await ticking(feed, { overlap: 'allow' });
    clock.advance(10_000);
    await settle();
    const manual = nextEvent(scheduler, 'run.succeeded', ({ source }) => source === 'manual');
    await scheduler.runTask('feed');
    await settle();
    expect(done).toEqual(['schedule begins']);
    release();
    await manual;
    expect(done).toEqual(['schedule begins', 'schedule ends', 'manual begins', 'manual ends']);
  });

  it('has no tick in a run that was cancelled while it waited for the one before', async () => {
    let ticks = 0;
    let release = () => {};
    async function* feed() {
      for (;;) {
        yield;
        ticks += 1;
        await new Promise<void>((resolve) => (release = resolve));
      }
    }
    const { clock, scheduler } = await ticking(feed, { overlap: 'allow' });
    clock.advance(10_000);
    await settle();
    const runId = await scheduler.runTask('feed');
    await settle();
    const cancelled = nextEvent(scheduler, 'run.cancelled');
    await scheduler.cancelRun(runId);
    release();
    expect(await cancelled).toMatchObject({ runId });
    expect(ticks).toBe(1);
  });

  it('that never ends its clean-up does not keep the scheduler from its stop, which says so', async () => {
    async function* feed() {
      try {
        for (;;) yield;
      } finally {
        await new Promise(() => {});
      }
    }
    const { clock, scheduler, tick, logger } = await ticking(feed);
    await tick();
    const stopped = scheduler.shutdown();
    await settle();
    clock.advance(2_000);
    await stopped;
    expect(logger.of('warn')).toEqual([expect.stringMatching(/The clean-up of lifecycle tasks has not ended in time/)]);
  });

  it('whose clean-up throws, or yields for ever, is told of, and the scheduler stops', async () => {
    async function* throwing() {
      try {
        for (;;) yield;
      } finally {
        // oxlint-disable-next-line no-unsafe-finally -- what a clean-up may do
        throw new Error('still open');
      }
    }
    const failing = await ticking(throwing);
    await failing.tick();
    await failing.scheduler.shutdown();
    expect(failing.logger.of('error')).toEqual(['The clean-up of task "feed" failed']);
    let yields = 0;
    async function* endless() {
      try {
        for (;;) yield;
      } finally {
        for (;;) {
          yields += 1;
          yield;
        }
      }
    }
    const other = await ticking(endless);
    await other.tick();
    await other.scheduler.shutdown();
    expect(yields).toBeLessThan(20);
  });

  it('cleans up when its store is removed, while the others go on', async () => {
    const { feed, done } = recordingFeed();
    const { scheduler, tick } = await ticking(feed);
    await tick();
    await scheduler.removeStore('default');
    expect(done.at(-1)).toBe('cleaned up');
  });

  it('has a generator in each process that gets a tick, and one tick for each time in the cluster', async () => {
    const cluster = new MemoryCluster();
    const feeds = [recordingFeed(), recordingFeed()];
    const declared = [{ id: 'feed', handler: 'feed', ...EVERY_TEN_SECONDS }];
    const [one, two] = await Promise.all(
      feeds.map(({ feed }, at) => cluster.join(`node ${at}`, { feed: feed as unknown as Handler }, { declared })),
    );
    let left = 6;
    const all = new Promise<void>((resolve) => {
      for (const scheduler of [one!, two!]) {
        scheduler.addListener(() => {
          left -= 1;
          if (left === 0) resolve();
        }, 'run.succeeded');
      }
    });
    for (let time = 1; time <= 6; time += 1) {
      cluster.clock.advance(10_000);
      for (let turn = 0; turn < 5; turn += 1) await settle();
    }
    await all;
    await Promise.all([one!.shutdown(), two!.shutdown()]);
    const done = feeds.flatMap((feed) => feed.done);
    expect(done.filter((line) => line.startsWith('tick'))).toHaveLength(6);
    for (const feed of feeds) {
      if (feed.done.length === 0) continue;
      expect(feed.done[0]).toMatch(/^set up/);
      expect(feed.done.at(-1)).toBe('cleaned up');
    }
  });

  it('is refused for a task that was added at run time, of which there may be any number', async () => {
    const { feed, done } = recordingFeed();
    const { scheduler } = createScheduler({ feed: feed as unknown as Handler });
    await scheduler.start();
    const failed = nextEvent(scheduler, 'run.failed');
    await scheduler.addTask({ handler: 'feed' });
    expect(await failed).toMatchObject({ run: { error: { code: 'ASYNCZ_LIFECYCLE' } } });
    expect(done).toEqual([]);
    expect(() => createTaskContext().tick(feed([], createTaskContext()))).toThrow(/is a generator/);
  });
});
