import { MemoryStore, Scheduler } from 'nestjs-asyncz';
import type { MetricFamily, MetricName } from 'nestjs-asyncz';
import { describe, expect, it } from 'vitest';
import { METRIC_NAMES, metricOf } from '../../../lib/observe/meter/metric.table.js';
import { StoreMeter } from '../../../lib/observe/meter/store.meter.js';
import { makeRun } from '../../../lib/testing/task.fixtures.js';
import { createRunning, createScheduler, settle, START } from '../../support/scheduler.factory.js';

/** The numbers of a metric, each with its labels but for the scheduler and the store. */
function numbersOf(families: readonly MetricFamily[], name: MetricName) {
  const { samples } = families.find((family) => family.name === name)!;
  return samples.map(({ labels: { scheduler: _1, store: _2, ...labels }, value, histogram }) => ({
    ...labels,
    value,
    ...(histogram && { sum: histogram.sum }),
  }));
}

describe('the metrics of a scheduler', () => {
  it('count attempts by how they ended, how late they began, and how long they took', async () => {
    const { scheduler, clock } = createScheduler({
      work: () => clock.advance(2_000),
      fail: () => {
        throw new Error('broken');
      },
    });
    const metrics = scheduler.measure();
    await scheduler.start();
    await scheduler.addTask({ handler: 'work', trigger: { type: 'date', runAt: new Date(START - 3_000) } });
    await settle();
    await scheduler.addTask({ handler: 'fail', retry: { attempts: 2, delay: '1s' } });
    await settle();
    clock.advance(1_000);
    await settle();
    const families = await metrics.collect();
    expect(numbersOf(families, 'asyncz.run.ended')).toEqual([
      { handler: 'work', status: 'succeeded', value: 1 },
      { handler: 'fail', status: 'failed', value: 2 },
    ]);
    expect(numbersOf(families, 'asyncz.run.duration')).toEqual([
      { handler: 'work', status: 'succeeded', value: 1, sum: 2 },
      { handler: 'fail', status: 'failed', value: 2, sum: 0 },
    ]);
    // A retry is due when its pause is over.
    expect(numbersOf(families, 'asyncz.run.lateness')).toEqual([
      { handler: 'work', value: 1, sum: 3 },
      // Some of the second is left out of the pause, by chance.
      { handler: 'fail', value: 2, sum: expect.toSatisfy((sum: number) => sum < 1) as number },
    ]);
    expect(numbersOf(families, 'asyncz.run.attempts')).toEqual([
      { handler: 'work', value: 1, sum: 1 },
      { handler: 'fail', value: 1, sum: 2 },
    ]);
    expect(numbersOf(families, 'asyncz.run.dead')).toEqual([
      { handler: 'work', value: 0 },
      { handler: 'fail', value: 1 },
    ]);
  });

  it('count what never ran: missed, and skipped', async () => {
    const { scheduler, clock } = createScheduler({ work: () => {}, long: () => new Promise(() => {}) });
    const metrics = scheduler.measure();
    await scheduler.start();
    const runAt = new Date(START - 60_000);
    await scheduler.addTask({ handler: 'work', trigger: { type: 'date', runAt }, misfireGraceTime: '1s' });
    await scheduler.addTask({
      handler: 'long',
      trigger: { type: 'interval', seconds: 1, startAt: new Date(START) },
      overlap: 'skip',
    });
    await settle();
    clock.advance(1_000);
    await settle();
    const ended = numbersOf(await metrics.collect(), 'asyncz.run.ended');
    expect(ended).toContainEqual({ handler: 'work', status: 'missed', value: 1 });
    expect(ended.some(({ handler, status }) => handler === 'long' && status === 'skipped')).toBe(true);
  });

  it('tell what is under way, what is due in the store, and how much room there is', async () => {
    const { scheduler, clock } = createScheduler({ hold: () => new Promise(() => {}) });
    const metrics = scheduler.measure();
    await scheduler.start();
    await scheduler.addTask({ handler: 'hold' });
    await settle();
    scheduler.pause();
    const runAt = new Date(START - 9_000);
    await scheduler.addTasks([
      { handler: 'hold', trigger: { type: 'date', runAt } },
      { handler: 'hold', trigger: { type: 'date', runAt: new Date(START) } },
    ]);
    await settle();
    const families = await metrics.collect();
    expect(numbersOf(families, 'asyncz.run.active')).toEqual([{ value: 1 }]);
    expect(numbersOf(families, 'asyncz.task.due')).toEqual([{ value: 2 }]);
    expect(numbersOf(families, 'asyncz.task.oldest_due_age')).toEqual([{ value: 9 }]);
    expect(numbersOf(families, 'asyncz.executor.active')).toEqual([{ executor: 'default', value: 1 }]);
    expect(numbersOf(families, 'asyncz.executor.room')).toEqual([{ executor: 'default', value: 99 }]);
    expect(numbersOf(families, 'asyncz.store.up')).toEqual([{ value: 1 }]);
    expect(numbersOf(families, 'asyncz.claim.size')[0]!.sum).toBe(1);
    expect(numbersOf(families, 'asyncz.event.dropped')).toEqual([{ value: 0 }]);
    // How long ago is not exact: a pass is made when it is.
    clock.advance(4_000);
    expect(numbersOf(await metrics.collect(), 'asyncz.loop.age')[0]!.value).toBeGreaterThanOrEqual(4);
  });

  it('ask a store once in five seconds, however often they are collected', async () => {
    let asked = 0;
    class Counting extends MemoryStore {
      override getNextRunTime(): number | null {
        asked += 1;
        return super.getNextRunTime();
      }
    }
    const { scheduler, clock } = await createRunning({ work: () => {} }, { store: new Counting() });
    const metrics = scheduler.measure();
    await settle();
    asked = 0;
    await Promise.all(Array.from({ length: 20 }, () => metrics.collect()));
    await metrics.collect();
    expect(asked).toBe(1);
    clock.advance(5_000);
    await metrics.collect();
    expect(asked).toBe(2);
  });

  it('are there in two seconds where the store does not answer, and do not ask it again meanwhile', async () => {
    let asked = 0;
    let answer = (_time: number | null) => {};
    class Hanging extends MemoryStore {
      override getNextRunTime(): never {
        asked += 1;
        return new Promise<number | null>((resolve) => (answer = resolve)) as never;
      }
    }
    const { scheduler, clock } = await createRunning({ work: () => {} }, { store: new Hanging() });
    const metrics = scheduler.measure();
    for (const _ of [1, 2]) {
      const collected = metrics.collect();
      clock.advance(2_000);
      const families = await collected;
      expect(numbersOf(families, 'asyncz.store.up')).toEqual([{ value: 0 }]);
      expect(numbersOf(families, 'asyncz.task.due')).toEqual([]);
      expect(numbersOf(families, 'asyncz.run.active')).toEqual([{ value: 0 }]);
    }
    expect(asked).toBe(1);
    answer(null);
    await settle();
    expect(numbersOf(await metrics.collect(), 'asyncz.store.up')).toEqual([{ value: 1 }]);
  });

  it('say that the store is away where it refuses', async () => {
    class Refusing extends MemoryStore {
      override getNextRunTime(): never {
        throw new Error('gone');
      }
    }
    const { scheduler } = await createRunning({ work: () => {} }, { store: new Refusing() });
    expect(numbersOf(await scheduler.measure().collect(), 'asyncz.store.up')).toEqual([{ value: 0 }]);
  });

  it('count the failures of a store by what was asked for', async () => {
    let isGone = false;
    class Failing extends MemoryStore {
      override exchange(...args: Parameters<MemoryStore['exchange']>): ReturnType<MemoryStore['exchange']> {
        if (isGone) throw new Error('gone');
        return super.exchange(...args);
      }
    }
    const { scheduler, clock } = createScheduler({ work: () => {} }, { store: new Failing() });
    const metrics = scheduler.measure();
    await scheduler.start();
    isGone = true;
    await scheduler.addTask({ handler: 'work' });
    await settle();
    const failures = () => metrics.collect().then((families) => numbersOf(families, 'asyncz.store.failures'));
    expect(await failures()).toEqual([{ call: 'claims', value: 1 }]);
    clock.advance(100);
    await settle();
    expect(await failures()).toEqual([{ call: 'claims', value: 2 }]);
  });

  it('begin when they are asked for, and are the same ones ever after', async () => {
    const { scheduler } = await createRunning({ work: () => {} });
    await scheduler.addTask({ handler: 'work' });
    await settle();
    const metrics = scheduler.measure();
    expect(numbersOf(await metrics.collect(), 'asyncz.run.ended')).toEqual([]);
    await scheduler.addTask({ handler: 'work' });
    await settle();
    expect(scheduler.measure()).toBe(metrics);
    expect(numbersOf(await metrics.collect(), 'asyncz.run.ended')).toMatchObject([{ value: 1 }]);
  });

  it('tell each value of a histogram, and go on where the listener throws', async () => {
    const { scheduler } = createScheduler({ work: () => {} });
    const metrics = scheduler.measure();
    const told: string[] = [];
    const end = metrics.onValue((name) => {
      told.push(name);
      throw new Error('the listener is broken');
    });
    await scheduler.start();
    await scheduler.addTask({ handler: 'work' });
    await settle();
    expect(told).toContain('asyncz.run.duration');
    expect(numbersOf(await metrics.collect(), 'asyncz.run.ended')).toMatchObject([{ status: 'succeeded', value: 1 }]);
    end();
    told.length = 0;
    await scheduler.addTask({ handler: 'work' });
    await settle();
    expect(told).toEqual([]);
  });

  it('have labels that are those of the table, and never the id of a task', async () => {
    const { scheduler } = createScheduler({ work: () => {} });
    const metrics = scheduler.measure();
    await scheduler.start();
    await scheduler.addTask({ id: 'the-id-of-a-task', handler: 'work' });
    await settle();
    const families = await metrics.collect();
    expect(families.map(({ name }) => name)).toEqual(METRIC_NAMES);
    for (const { name, samples } of families) {
      for (const { labels } of samples) {
        expect(Object.keys(labels).sort()).toEqual(['scheduler', ...metricOf(name).labels].sort());
      }
    }
    expect(JSON.stringify(families)).not.toContain('the-id-of-a-task');
  });

  it('have a bounded number of handlers', () => {
    const meter = new StoreMeter({ store: 'default' }, new Set());
    for (let at = 0; at < 5_000; at += 1) {
      meter.recorded(makeRun(`t${at}@1`, { handler: `handler ${at}`, status: 'missed' }));
    }
    const samples = [...meter.samples()].filter(([name]) => name === 'asyncz.run.ended').map(([, sample]) => sample);
    expect(samples.length).toBe(1_001);
    expect(samples.find(({ labels }) => labels.handler === 'other')).toMatchObject({ value: 4_000 });
  });

  it('are made by what the options name, which is called once', () => {
    const seen: string[] = [];
    const scheduler = new Scheduler({ name: 'billing', instrumentations: [({ name }) => void seen.push(name)] });
    expect(scheduler.name).toBe('billing');
    expect(seen).toEqual(['billing']);
    expect(() => new Scheduler({ instrumentations: [{}] as never })).toThrow(/functions in a list/);
  });
});
