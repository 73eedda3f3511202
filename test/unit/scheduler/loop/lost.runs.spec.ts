import { describe, expect, it } from 'vitest';
import { AsyncExecutor } from 'nestjs-asyncz';
import type { Handler, SchedulerOptions } from 'nestjs-asyncz';
import { nextEvent, recordEvents } from '../../../support/events.js';
import { takeOver } from '../../../support/take-over.js';
import { RecordingLogger } from '../../../support/recording.logger.js';
import { createRunning, settle } from '../../../support/scheduler.factory.js';
import type { TestScheduler } from '../../../support/scheduler.factory.js';

const LEASE_MS = 30_000;

/** Runs beside the handlers that never end: they stand for processes that are gone. */
const ALONE = { overlap: 'allow' } as const;

async function create(handlers: Record<string, Handler>, options: SchedulerOptions = {}) {
  const logger = new RecordingLogger();
  const made = await createRunning(handlers, { logger, ...options });
  return { ...made, logger, events: recordEvents(made.scheduler) };
}

/** The processes that run tasks die: nobody renews the leases, which expire. */
async function die({ store, clock }: TestScheduler, ...ids: readonly string[]): Promise<void> {
  await settle();
  for (const id of ids) if (store.lookupTask(id)) takeOver(store, id, clock.now() + LEASE_MS);
  clock.advance(LEASE_MS + 1_000);
  await settle();
}

describe('a run whose process dies each time', () => {
  it('is started three times, then dead, with an error in the log and an event; redriven it starts again', async () => {
    const starts: number[] = [];
    let isPoison = true;
    const cluster = await create({
      kill: (_args, { attempt }) => {
        starts.push(attempt);
        return isPoison ? new Promise(() => {}) : 'mended';
      },
    });
    const { scheduler, events, logger } = cluster;
    await scheduler.addTask({ id: 'poison', handler: 'kill', ...ALONE });
    for (let death = 1; death <= 5; death += 1) await die(cluster, 'poison');
    expect(starts).toEqual([1, 2, 3]);
    const lost = events.flatMap((event) => (event.name === 'run.lost' ? event.run : []));
    expect(lost.map(({ attempt, dead }) => [attempt, dead])).toEqual([
      [1, false],
      [2, false],
      [3, true],
    ]);
    expect(lost.at(-1)?.error).toMatchObject({ code: 'ASYNCZ_LOST_TOO_OFTEN' });
    expect(logger.of('warn', /was lost/)).toHaveLength(2);
    expect(logger.of('error', /was lost/)).toEqual([
      expect.stringMatching(
        /^The run "poison@.*" of handler "kill" was lost \(attempt 3, .* not tried again: 3 attempts/,
      ),
    ]);
    isPoison = false;
    const [dead] = (await scheduler.getRuns({ dead: true })).runs;
    await scheduler.redriveRun(dead!.id);
    expect(await scheduler.waitForRun(dead!.id)).toMatchObject({ status: 'succeeded', attempt: 4, result: 'mended' });
  });

  it.each([
    ['its own maxLost', {}, { maxLost: 1 }, 1],
    ['that of taskDefaults', { maxLost: 2 }, {}, 2],
  ])('is started as often as %s allows', async (_name, taskDefaults, own, expected) => {
    let starts = 0;
    const cluster = await create({ kill: () => ((starts += 1), new Promise(() => {})) }, { taskDefaults });
    await cluster.scheduler.addTask({ id: 'poison', handler: 'kill', ...ALONE, ...own });
    for (let death = 1; death <= 4; death += 1) await die(cluster, 'poison');
    expect(starts).toBe(expected);
  });

  it('is counted anew after an attempt that ended', async () => {
    const attempts: number[] = [];
    const cluster = await create({
      flaky: (_args, { attempt }) => {
        attempts.push(attempt);
        if (attempt === 3) throw new Error('failed, and not lost');
        return new Promise(() => {});
      },
    });
    const retry = { attempts: 10, backoff: 'fixed', delay: '1s' };
    await cluster.scheduler.addTask({ id: 'poison', handler: 'flaky', ...ALONE, retry });
    for (let death = 1; death <= 8; death += 1) await die(cluster, 'poison');
    expect(attempts).toEqual([1, 2, 3, 4, 5, 6]);
  });

  it('counts as a failed run: pauseAfterFailures pauses its task, and that is told', async () => {
    const cluster = await create({ kill: () => new Promise(() => {}) });
    const { scheduler, logger } = cluster;
    const trigger = { type: 'interval', hours: 1 } as const;
    await scheduler.addTask({ id: 'poison', handler: 'kill', trigger, maxLost: 1, pauseAfterFailures: 1, ...ALONE });
    const paused = nextEvent(scheduler, 'task.paused');
    await scheduler.runTask('poison');
    await die(cluster, 'poison');
    expect(await paused).toMatchObject({ taskId: 'poison', reason: '1 failed runs in a row' });
    expect(logger.of('error', /The task "poison" is paused/)).toHaveLength(1);
  });
});

describe('hundreds of runs that are lost together', () => {
  it('are told of in a few lines, and in an event each', async () => {
    const executors = { default: new AsyncExecutor({ concurrency: 1_000 }) };
    const cluster = await create({ kill: () => new Promise(() => {}) }, { executors });
    const { scheduler, clock, logger, events } = cluster;
    const ids = Array.from({ length: 90 }, (_, at) => `t${at}`);
    for (const id of ids) await scheduler.addTask({ id, handler: 'kill', ...ALONE });
    await die(cluster, ...ids);
    clock.advance(10_000);
    expect(events.filter(({ name }) => name === 'run.lost')).toHaveLength(90);
    expect(logger.of('warn', /(was|were) lost/).length).toBeLessThan(12);
    expect(logger.of('warn', /more runs of store "default" were lost/)).not.toEqual([]);
  });
});
