import { describe, expect, it } from 'vitest';
import { AsyncExecutor } from 'nestjs-asyncz';
import type { Apply, Selection, Transacted } from 'nestjs-asyncz/store';
import { ClaimSize } from '../../../../lib/scheduler/loop/claim.size.js';
import { createScheduler, settle, START } from '../../../support/scheduler.factory.js';
import { minuteTask } from '../../../support/task.factory.js';
import { DecidingStore } from '../../../support/deciding.store.js';

describe('the size of a claim', () => {
  /** One that has grown to its full size. */
  function full(): ClaimSize {
    const size = new ClaimSize(30_000);
    while (size.limit < 1_000) size.note(size.limit, 1);
    return size;
  }

  it('begins small and doubles with each claim that takes all of it in time, up to 1,000', () => {
    const size = new ClaimSize(30_000);
    const sizes: number[] = [];
    for (let claim = 0; claim < 7; claim += 1) {
      sizes.push(size.limit);
      // One that finds less says nothing about a larger one.
      size.note(size.limit - 1, 5);
      size.note(size.limit, 6_000);
    }
    expect(sizes).toEqual([16, 32, 64, 128, 256, 512, 1_000]);
  });

  it('becomes what the store takes in a fifth of a lease, and at least one', () => {
    const size = full();
    size.note(400, 60_000);
    expect(size.limit).toBe(40);
    size.note(1, 7_000);
    expect(size.limit).toBe(1);
    size.note(0, 90_000);
    expect(size.limit).toBe(1);
    size.note(1, 10);
    expect(size.limit).toBe(2);
  });

  it('stays what it was when a claim that found little was fast', () => {
    const size = full();
    size.note(3, 10);
    size.note(0, 1);
    expect(size.limit).toBe(1_000);
  });

  it('lets a store that is too slow for a large one get through what is due', async () => {
    const sizes: number[] = [];
    const { scheduler, clock, store } = createScheduler(
      { work: () => 1 },
      {
        lease: '10s',
        heartbeatInterval: '1d',
        executors: { default: new AsyncExecutor({ concurrency: 400 }) },
        store: new (class extends DecidingStore {
          override transact<T>(selection: Selection, apply: Apply<T>): Transacted<T> {
            const answer = super.transact(selection, apply);
            if (!('due' in selection)) return answer;
            const count = answer.committed.length;
            if (count > 0) sizes.push(count);
            clock.advance(800 * count);
            return answer;
          }
        })(),
      },
    );
    await scheduler.start();
    for (let at = 0; at < 200; at += 1) {
      const state = { nextRunTime: START, nextScheduledTime: START };
      store.addTask(minuteTask({ id: `t${at}`, definition: { handler: 'work' }, state }));
    }
    for (let second = 0; second < 120; second += 1) {
      clock.advance(1_000);
      await settle();
    }
    const { runs } = await scheduler.getRuns({ status: 'succeeded', limit: 1_000 });
    expect(new Set(runs.map(({ taskId }) => taskId)).size).toBe(200);
    // The first took longer than a lease.
    expect(sizes[0]).toBe(16);
    expect(Math.max(...sizes.slice(1))).toBeLessThanOrEqual(4);
  });
});
