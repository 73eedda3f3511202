import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { BaseTrigger } from '../../../lib/triggers/base.trigger.js';
import type { Occurrence, TriggerData } from '../../../lib/triggers/trigger.interface.js';
import { at, make, SEED } from './trigger.fixtures.js';

const YEAR = { from: at('2024-01-01T00:00'), now: at('2025-01-01T00:00') };

function occurrence(time: number): { scheduledTime: number; runTime: number } {
  return { scheduledTime: time, runTime: time };
}

/** The median of how long a call takes, in microseconds, after some calls to warm up. */
function medianMicroseconds(call: () => void): number {
  const times: number[] = [];
  for (let run = 0; run < 300; run += 1) {
    const start = performance.now();
    call();
    if (run >= 100) times.push((performance.now() - start) * 1_000);
  }
  return times.sort((a, b) => a - b)[100]!;
}

describe('catching up after a year', () => {
  it.each<[string, TriggerData, number]>([
    ['an interval of a second', { type: 'interval', seconds: 1, startAt: '2024-01-01' }, 31_622_401],
    ['an interval with jitter', { type: 'interval', seconds: 1, startAt: '2024-01-01', jitter: 500 }, 31_622_400],
    ['a cron of every second', { type: 'cron', expression: '* * * * * *' }, 31_622_401],
    [
      'a cron of every second, zoned',
      { type: 'cron', expression: '* * * * * *', timezone: 'Europe/Lisbon' },
      31_622_401,
    ],
    ['a cron of every minute', { type: 'cron', expression: '* * * * *', timezone: 'America/New_York' }, 527_041],
    // 366 days of two hours; that of the change of clocks has one, moved to the other.
    [
      'a cron of every second of two hours',
      { type: 'cron', expression: '* * 1-2 * * *', timezone: 'Europe/Lisbon' },
      366 * 7_200 - 3_600 + 1,
    ],
    ['a daily cron', { type: 'cron', expression: '0 0 * * *' }, 367],
  ])('costs %s microseconds', (_what, data, expected) => {
    const trigger = make(data, '2024-01-01T00:00');
    const from = trigger.nextOccurrence(null, YEAR.from - 1_000, SEED)!;
    const caughtUp = trigger.catchUp(occurrence(YEAR.from), YEAR.now, SEED);
    expect(caughtUp.count).toBe(expected);
    expect(from.scheduledTime).toBeLessThanOrEqual(at('2024-01-01T01:00'));
    // Microseconds, with room for a slow machine: a walk would take seconds.
    expect(medianMicroseconds(() => trigger.catchUp(occurrence(YEAR.from), YEAR.now, SEED))).toBeLessThan(2_000);
  });

  it('gives nothing before the first is due', () => {
    const trigger = make({ type: 'interval', seconds: 1, startAt: '2024-01-01' });
    const from = occurrence(YEAR.now + 1);
    expect(trigger.catchUp(from, YEAR.now, SEED)).toEqual({ count: 0, latest: null, next: from });
  });

  it('takes what was planned as it was planned, off the grid too', () => {
    const cron = make({ type: 'cron', expression: '*/10 * * * *' });
    expect(cron.catchUp(occurrence(at('2024-01-01T00:03')), at('2024-01-01T00:30'), SEED)).toEqual({
      count: 4,
      latest: occurrence(at('2024-01-01T00:30')),
      next: occurrence(at('2024-01-01T00:40')),
    });
    const delayed = { scheduledTime: at('2024-01-01T00:00'), runTime: at('2024-01-01T00:09') };
    expect(cron.catchUp(delayed, at('2024-01-01T00:09'), SEED)).toEqual({
      count: 1,
      latest: delayed,
      next: occurrence(at('2024-01-01T00:10')),
    });
  });

  it('ends with the schedule', () => {
    const trigger = make({ type: 'interval', hours: 1, startAt: '2024-01-01', endAt: '2024-01-01T03:00:00Z' });
    expect(trigger.catchUp(occurrence(at('2024-01-01T01:00')), YEAR.now, SEED)).toEqual({
      count: 3,
      latest: occurrence(at('2024-01-01T03:00')),
      next: null,
    });
  });

  it('jumps in combinations, and counts a dense child with a rare one exactly', () => {
    const second = { type: 'cron', expression: '* * * * * *' };
    const half = { type: 'interval', milliseconds: 43_200_500, startAt: '2024-01-01' };
    const or = make({ type: 'or', triggers: [second, half] });
    // 732 half days of the year; every second one of them falls on a whole second.
    const caughtUp = or.catchUp(occurrence(YEAR.from), YEAR.now, SEED);
    expect(caughtUp.count).toBe(31_622_401 + 366);
    expect(caughtUp.next!.scheduledTime).toBe(YEAR.now + 1_000);
    const and = make({ type: 'and', triggers: [second, { type: 'cron', expression: '0 3 * * *' }] });
    expect(and.catchUp(occurrence(at('2024-01-01T03:00')), YEAR.now, SEED).count).toBe(366);
  });

  it('agrees with a walk for any interval and any now', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 100_000 }),
        fc.integer({ min: 0, max: 3_000_000 }),
        fc.integer({ min: -5, max: 100_000 }),
        (every, elapsed, offset) => {
          const trigger = make({ type: 'interval', milliseconds: every, startAt: '2024-01-01' });
          const first = YEAR.from + offset;
          const now = YEAR.from + elapsed;
          const expected = now < first ? 0 : Math.floor((now - first) / every) + 1;
          const caughtUp = trigger.catchUp(occurrence(first), now, SEED);
          expect(caughtUp.count).toBe(expected);
          expect(caughtUp.next!.scheduledTime).toBe(first + expected * every);
        },
      ),
      { numRuns: 500 },
    );
  });
});

describe('catching up with a trigger of one’s own', () => {
  class EverySecond extends BaseTrigger {
    readonly type = 'everySecond';
    asked = 0;

    override nextTime(previous: number | null, now: number): number {
      this.asked += 1;
      return previous === null ? Math.ceil(now / 1_000) * 1_000 : Math.floor(previous / 1_000) * 1_000 + 1_000;
    }

    override describe(): string {
      return 'every second';
    }

    override toJSON(): TriggerData {
      return { type: this.type };
    }
  }

  it('walks a short way', () => {
    expect(new EverySecond().catchUp(occurrence(YEAR.from), YEAR.from + 5_500, SEED)).toEqual({
      count: 6,
      latest: occurrence(YEAR.from + 5_000),
      next: occurrence(YEAR.from + 6_000),
    });
  });

  it('stops counting after 10,000 and still finds the latest and the next', () => {
    const trigger = new EverySecond();
    expect(trigger.catchUp(occurrence(YEAR.from), YEAR.now, SEED)).toEqual({
      count: 10_000,
      latest: occurrence(YEAR.now),
      next: occurrence(YEAR.now + 1_000),
    });
    expect(trigger.asked).toBeLessThan(10_100);
  });

  it('counts all where the trigger can', () => {
    class Counting extends EverySecond {
      override countBetween(from: number, to: number): number {
        return Math.floor(to / 1_000) - Math.ceil(from / 1_000) + 1;
      }
    }
    expect(new Counting().catchUp(occurrence(YEAR.from), YEAR.now, SEED).count).toBe(31_622_401);
  });
});

describe('skipping missed times', () => {
  const from = at('2024-01-01T00:00');

  it.each([
    [{ type: 'interval', minutes: 7, startAt: '2024-01-01' }],
    // A first run at a time of its own goes on from there.
    [{ type: 'interval', minutes: 7, startAt: '2024-01-01T00:03:00Z' }],
    [{ type: 'cron', expression: '*/11 9-17 * * mon-fri', timezone: 'Europe/Berlin' }],
    [{ type: 'cron', expression: '*/5 * * * *', calendar: { weekdays: ['sat'], times: ['02:00-05:30'] } }],
    [{ type: 'cron', expression: '0 9 * * *', calendar: { weekdays: ['sat', 'sun'] }, onExcluded: 'next' }],
    [{ type: 'rrule', rule: 'FREQ=HOURLY;INTERVAL=5', startAt: '2024-01-01', exDates: ['2024-01-02T02:00:00'] }],
    [
      {
        type: 'or',
        triggers: [
          { type: 'cron', expression: '0 * * * *' },
          { type: 'interval', minutes: 90, startAt: '2024-01-01' },
        ],
      },
    ],
  ])('comes where a walk comes: %j', (data) => {
    const trigger = make(data, '2024-01-01T00:00');
    const now = at('2024-04-15T12:00');
    let expected: Occurrence = occurrence(from);
    for (let count = 0; count <= 60; count += 1) {
      if (count % 6 === 0) expect(trigger.skip(occurrence(from), count, now, SEED)).toEqual(expected);
      expected = trigger.nextOccurrence(expected.scheduledTime, now, SEED)!;
    }
  });
});
