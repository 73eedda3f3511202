import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { InvalidOptionError } from '../../../lib/errors/input.errors.js';
import { at, make } from './trigger.fixtures.js';

const from = at('2025-01-01T00:00');

describe('jitter', () => {
  const data = { type: 'interval', minutes: 1, startAt: '2025-01-01', jitter: '10s' };

  it('puts a run off by at most as much, and leaves the grid alone', () => {
    const trigger = make(data);
    let next = trigger.nextOccurrence(null, from, { taskId: 'a' })!;
    const delays = new Set<number>();
    for (let index = 0; index < 1_000; index += 1) {
      expect(next.scheduledTime).toBe(from + index * 60_000);
      const delay = next.runTime - next.scheduledTime;
      expect(delay).toBeGreaterThanOrEqual(0);
      expect(delay).toBeLessThanOrEqual(10_000);
      delays.add(delay);
      next = trigger.nextOccurrence(next.scheduledTime, next.runTime, { taskId: 'a' })!;
    }
    expect(delays.size).toBeGreaterThan(900);
    expect(Math.min(...delays)).toBeLessThan(200);
    expect(Math.max(...delays)).toBeGreaterThan(9_800);
  });

  it('is the same on every node, and another for another task', () => {
    const times = (taskId: string): number[] => {
      const trigger = make(data);
      return [0, 1, 2, 3, 4].map((index) => trigger.nextOccurrence(from + index * 60_000, 0, { taskId })!.runTime);
    };
    expect(times('a')).toEqual(times('a'));
    expect(times('a')).not.toEqual(times('b'));
    expect(make(data).nextOccurrence(from, 0, { taskId: 'reports.nightly' })).toEqual({
      scheduledTime: from + 60_000,
      runTime: from + 60_597,
    });
  });

  it('does not show in the public next', () => {
    expect(make(data).next(null, new Date(from))).toEqual(new Date(from));
  });

  it('never passes the end', () => {
    const trigger = make({ ...data, jitter: '10m', endAt: '2025-01-01T00:05:00Z' });
    let next = trigger.nextOccurrence(null, from, { taskId: 'a' });
    let last = next;
    for (; next !== null; next = trigger.nextOccurrence(next.scheduledTime, 0, { taskId: 'a' })) {
      expect(next.runTime).toBeLessThanOrEqual(at('2025-01-01T00:05'));
      last = next;
    }
    expect(last!.scheduledTime).toBe(at('2025-01-01T00:05'));
  });

  it('is caught up as a walk would, even where it is longer than the interval', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 300 }),
        fc.integer({ min: 1, max: 2_000 }),
        fc.integer({ min: 0, max: 20_000 }),
        fc.string(),
        (seconds, jitter, elapsed, taskId) => {
          const trigger = make({ type: 'interval', seconds, startAt: '2025-01-01', jitter: jitter * 1_000 });
          const first = trigger.nextOccurrence(null, from, { taskId })!;
          const now = from + elapsed * 1_000;
          let count = 0;
          let latest = null;
          let next: typeof first | null = first;
          while (next !== null && next.runTime <= now) {
            count += 1;
            latest = next;
            next = trigger.nextOccurrence(next.scheduledTime, now, { taskId });
          }
          const caughtUp = trigger.catchUp(first, now, { taskId });
          // Where a run waits for its turn, those that jitter puts before it are due with it.
          expect(caughtUp.count).toBeGreaterThanOrEqual(count);
          expect(caughtUp.next!.runTime).toBeGreaterThan(now);
          if (jitter < seconds) expect(caughtUp).toEqual({ count, latest, next });
        },
      ),
      { numRuns: 300 },
    );
  });

  it.each([-1, '-5s', 'some', NaN])('refuses %j', (jitter) => {
    expect(() => make({ ...data, jitter })).toThrow(InvalidOptionError);
  });
});
