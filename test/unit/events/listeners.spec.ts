import { describe, expect, it } from 'vitest';
import type { Handler, SchedulerEvent } from 'nestjs-asyncz';
import { nextEvent } from '../../support/events.js';
import { RecordingLogger } from '../../support/recording.logger.js';
import { createRunning, createScheduler, settle } from '../../support/scheduler.factory.js';
import { HOURLY } from '../../support/task.factory.js';

/** A scheduler with a task whose run emits `run.progress` with 1, 2, 3 … */
async function progressing(count: number, logger = new RecordingLogger()) {
  const work: Handler = (_args, context) => {
    for (let at = 1; at <= count; at += 1) context.progress(at);
  };
  const made = await createRunning({ work }, { logger });
  await made.scheduler.addTask({ id: 'work', handler: 'work', trigger: HOURLY });
  return { ...made, logger, run: () => made.scheduler.runTask('work', { wait: true }) };
}

describe('an asynchronous listener', () => {
  it('gets one event after the other, in their order, however long each takes', async () => {
    const { scheduler, run } = await progressing(20);
    const values: unknown[] = [];
    let under = 0;
    let most = 0;
    scheduler.addListener(async ({ value }) => {
      under += 1;
      most = Math.max(most, under);
      // The earlier ones take longer.
      for (let turn = 20 - (value as number); turn >= 0; turn -= 1) await new Promise(setImmediate);
      values.push(value);
      under -= 1;
    }, 'run.progress');
    await run();
    await scheduler.shutdown();
    expect(values).toEqual(Array.from({ length: 20 }, (_, at) => at + 1));
    expect(most).toBe(1);
  });

  it('that rejects or throws is told of, and gets the next event', async () => {
    const { scheduler, run, logger } = await progressing(3);
    const values: unknown[] = [];
    scheduler.addListener(async ({ value }) => {
      values.push(value);
      if (value === 1) throw new Error('at once');
      await new Promise(setImmediate);
      if (value === 2) throw new Error('later');
    }, 'run.progress');
    await run();
    await scheduler.shutdown();
    expect(values).toEqual([1, 2, 3]);
    expect(logger.of('error')).toEqual(Array(2).fill('A listener of "run.progress" failed'));
  });

  it('that never ends keeps no event from the others, and no run from its end', async () => {
    const { scheduler, run } = await progressing(3);
    const values: unknown[] = [];
    scheduler.addListener(() => new Promise(() => {}), 'run.progress');
    scheduler.addListener(({ value }) => values.push(value), 'run.progress');
    expect(await run()).toMatchObject({ status: 'succeeded' });
    expect(values).toEqual([1, 2, 3]);
  });

  it('that is too slow loses what does not fit, which is counted, and said once', async () => {
    const { scheduler, run, logger } = await progressing(2_500);
    const values: number[] = [];
    let release = () => {};
    const gate = new Promise<void>((resolve) => (release = resolve));
    const all: unknown[] = [];
    scheduler.addListener(async ({ value }) => {
      values.push(value as number);
      await gate;
    }, 'run.progress');
    scheduler.addListener(({ value }) => all.push(value), 'run.progress');
    await run();
    expect(all).toHaveLength(2_500);
    expect(logger.of('warn')).toEqual([expect.stringMatching(/A listener of "run\.progress" is 1000 events behind/)]);
    expect((await scheduler.getSchedulerInfo()).droppedEvents).toBe(1_499);
    release();
    await scheduler.shutdown();
    expect(values).toEqual(Array.from({ length: 1_001 }, (_, at) => at + 1));
    expect(logger.of('warn').slice(1)).toEqual(['A listener has caught up; 1499 events were dropped for it']);
  });

  it('that is removed gets nothing of what waits for it', async () => {
    const { scheduler, run } = await progressing(5);
    const values: unknown[] = [];
    const listener = async ({ value }: SchedulerEvent<'run.progress'>) => {
      values.push(value);
      await new Promise(setImmediate);
      expect(scheduler.removeListener(listener)).toBe(values.length === 1);
    };
    scheduler.addListener(listener, 'run.progress');
    await run();
    await scheduler.shutdown();
    expect(values).toEqual([1]);
  });
});

describe('a stop', () => {
  it('waits for what listeners have to do, and for those of the stop itself', async () => {
    const { scheduler, run } = await progressing(1);
    const told: string[] = [];
    scheduler.addListener(
      async ({ name }) => {
        for (let turn = 0; turn < 50; turn += 1) await new Promise(setImmediate);
        told.push(name);
      },
      ['run.succeeded', 'scheduler.shutdown'],
    );
    await run();
    await scheduler.shutdown();
    expect(told).toEqual(['run.succeeded', 'scheduler.shutdown']);
  });

  it('closes no store before listeners are done with the runs that have ended', async () => {
    const { scheduler, run } = await progressing(1);
    const found: unknown[] = [];
    scheduler.addListener(async ({ runId }) => {
      for (let turn = 0; turn < 50; turn += 1) await new Promise(setImmediate);
      found.push((await scheduler.getRuns({ runId })).runs.length);
    }, 'run.succeeded');
    await run();
    await scheduler.shutdown();
    expect(found).toEqual([1]);
  });

  it('waits for the events that listeners have caused and that are not handed out yet', async () => {
    const { scheduler } = await createRunning();
    const told: string[] = [];
    scheduler.addListener(
      ({ name }) => {
        told.push(name);
        if (told.length > 1) return;
        for (let time = 0; time < 200; time += 1) {
          scheduler.resume();
          scheduler.pause();
        }
      },
      ['scheduler.paused', 'scheduler.resumed', 'scheduler.shutdown'],
    );
    scheduler.pause();
    expect(told.length).toBeLessThan(401);
    await scheduler.shutdown();
    expect(told).toHaveLength(402);
    expect(told.at(-1)).toBe('scheduler.shutdown');
  });

  it('waits two seconds for a listener that never ends, and says so', async () => {
    const { scheduler, clock, run, logger } = await progressing(1);
    scheduler.addListener(() => new Promise(() => {}), 'run.progress');
    await run();
    const stopped = scheduler.shutdown();
    let isOver = false;
    void stopped.then(() => (isOver = true));
    await settle();
    clock.advance(1_900);
    await settle();
    expect(isOver).toBe(false);
    clock.advance(100);
    await stopped;
    expect(logger.of('warn')).toEqual(['Listeners that have not ended in time are left to themselves']);
  });

  it('that a listener asks for does not wait for this listener', async () => {
    const { scheduler } = await progressing(1);
    const stopped = new Promise<string>((resolve) => {
      scheduler.addListener(async () => {
        await new Promise(setImmediate);
        await scheduler.shutdown();
        resolve(scheduler.state);
      }, 'run.succeeded');
    });
    await scheduler.runTask('work');
    expect(await stopped).toBe('stopped');
  });
});

describe('events that listeners cause', () => {
  it('reach every listener behind the event that they come from', async () => {
    const { scheduler } = await createRunning();
    const heard: string[] = [];
    scheduler.addListener(({ name }) => {
      heard.push(`first ${name}`);
      if (name === 'scheduler.paused') scheduler.resume();
    });
    scheduler.addListener(({ name }) => heard.push(`second ${name}`));
    scheduler.pause();
    expect(heard).toEqual([
      'first scheduler.paused',
      'second scheduler.paused',
      'first scheduler.resumed',
      'second scheduler.resumed',
    ]);
  });

  it('for each other without end leave the process to its other work', async () => {
    const { scheduler } = await createRunning({ work: () => 1 });
    let calls = 0;
    const flip = ({ name }: SchedulerEvent) => {
      calls += 1;
      if (name === 'scheduler.paused') scheduler.resume();
      else if (name === 'scheduler.resumed') scheduler.pause();
    };
    scheduler.addListener(flip, ['scheduler.paused', 'scheduler.resumed']);
    scheduler.pause();
    const before = calls;
    await new Promise(setImmediate);
    await new Promise(setImmediate);
    expect(calls).toBeGreaterThan(before);
    expect(calls - before).toBeLessThan(1_000);
    scheduler.removeListener(flip);
    await settle();
    const after = calls;
    await settle();
    expect(calls).toBe(after);
  });

  it('in growing numbers are dropped from a thousand on, and counted', async () => {
    const { scheduler, run, logger } = await progressing(1_100);
    // Also where others were too slow before.
    scheduler.addListener(() => new Promise(() => {}), 'run.progress');
    await run();
    const { droppedEvents: before } = await scheduler.getSchedulerInfo();
    let calls = 0;
    const doubling = () => {
      calls += 1;
      if (calls > 5_000) return;
      scheduler.pause();
      scheduler.resume();
    };
    scheduler.addListener(doubling, ['scheduler.paused', 'scheduler.resumed']);
    scheduler.pause();
    await settle();
    scheduler.removeListener(doubling);
    await settle();
    expect((await scheduler.getSchedulerInfo()).droppedEvents).toBeGreaterThan(before);
    expect(logger.of('warn', /Listeners cause more events/)).toHaveLength(1);
  });
});

describe('a listener that was added', () => {
  it('before the start hears of the start', async () => {
    const { scheduler } = createScheduler();
    const started = nextEvent(scheduler, 'scheduler.started');
    await scheduler.start();
    expect(await started).toMatchObject({ scheduler: scheduler.identity });
  });
});
