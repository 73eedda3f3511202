import { describe, expect, it } from 'vitest';
import type { DstRules } from '../../../lib/time/dst.js';
import type { ZoneSegment } from '../../../lib/time/time-zone.js';
import { parseCronExpression } from '../../../lib/triggers/cron/cron.parser.js';
import { CronPattern } from '../../../lib/triggers/cron/cron.pattern.js';
import { WallClock } from '../../../lib/triggers/wall-clock/wall-clock.js';
import { at, iso } from './trigger.fixtures.js';

const MINUTE = 60_000;

/** A zone that no country has: its clocks change once, at `change`, from `before` to `after` minutes ahead of UTC. */
function zoneWithChange(change: number, before: number, after: number): { segmentAt(time: number): ZoneSegment } {
  const [first, second] = [before * MINUTE, after * MINUTE];
  return {
    segmentAt: (time) =>
      time < change
        ? { start: -Infinity, end: change, offset: first, offsetBefore: first, offsetAfter: second }
        : { start: change, end: Infinity, offset: second, offsetBefore: first, offsetAfter: second },
  };
}

function allRuns(clock: WallClock, from: string, until: string): (string | null)[] {
  const found: (string | null)[] = [];
  for (let next = clock.next(at(from)); next !== null && next <= at(until); next = clock.next(next + 1))
    found.push(iso(next));
  return found;
}

function clockOf(
  expression: string,
  change: string,
  before: number,
  after: number,
  rules: Partial<DstRules> = {},
): WallClock {
  const pattern = new CronPattern(parseCronExpression(expression, 'standard'), '');
  return new WallClock(pattern, zoneWithChange(at(change), before, after), {
    gap: 'shift',
    overlap: 'first',
    ...rules,
  });
}

describe('WallClock', () => {
  it('keeps each day’s times on their day where a gap goes past midnight', () => {
    // 23:30 becomes 00:30: 23:45 would move to 00:45 of the next day and is skipped, 00:15 moves to 01:15 of its own.
    const clock = clockOf('45 23 * * *', '2025-05-01T23:30', 0, 60);
    expect(allRuns(clock, '2025-05-01T12:00', '2025-05-03T12:00')).toEqual(['2025-05-02T22:45']);
    const next = clockOf('15,45 23,0 * * *', '2025-05-01T23:30', 0, 60);
    expect(allRuns(next, '2025-05-01T12:00', '2025-05-02T12:00')).toEqual([
      '2025-05-01T23:15',
      '2025-05-01T23:45',
      '2025-05-02T00:15',
    ]);
    expect(next.count(at('2025-05-01T12:00'), at('2025-05-02T12:00'))).toBe(3);
    // 23:30 becomes 01:30: all of 00:15 and 00:45 lies in the gap, behind a 23:45 that is skipped.
    const long = clockOf('15,45 23,0 * * *', '2025-05-01T23:30', 0, 120);
    expect(allRuns(long, '2025-05-01T12:00', '2025-05-02T12:00')).toEqual([
      '2025-05-01T23:15',
      '2025-05-02T00:15',
      '2025-05-02T00:45',
    ]);
    expect(long.count(at('2025-05-01T12:00'), at('2025-05-02T12:00'))).toBe(3);
  });

  it('counts moved times by the second where the gap is no whole number of minutes', () => {
    // As Monrovia in 1972: 44 minutes and 30 seconds.
    const clock = clockOf('*/10 * 2 * * *', '2025-05-01T02:00', 0, 44.5);
    const runs = allRuns(clock, '2025-05-01T00:00', '2025-05-02T00:00');
    expect(clock.count(at('2025-05-01T00:00'), at('2025-05-02T00:00'))).toBe(runs.length);
    // 44.5 minutes move, onto 02:44:30 and on; the 15.5 minutes that are left were there anyway.
    expect(runs).toHaveLength(6 * 44.5);
  });

  it('passes a day that comes twice', () => {
    const clock = clockOf('0 12 * * *', '2025-05-02T00:00', 0, -24 * 60);
    expect(allRuns(clock, '2025-05-01T00:00', '2025-05-04T00:00')).toEqual(['2025-05-01T12:00', '2025-05-03T12:00']);
    const both = clockOf('0 12 * * *', '2025-05-02T00:00', 0, -24 * 60, { overlap: 'both' });
    expect(allRuns(both, '2025-05-01T00:00', '2025-05-04T00:00')).toEqual([
      '2025-05-01T12:00',
      '2025-05-02T12:00',
      '2025-05-03T12:00',
    ]);
    expect(both.count(at('2025-05-01T00:00'), at('2025-05-04T00:00'))).toBe(3);
  });

  it('finds a time in the second pass after one far ahead in the first', () => {
    // Once a year, and the clocks go back just after it was looked for.
    const clock = clockOf('30 23 1 5 *', '2025-05-02T00:00', 0, -60, { overlap: 'second' });
    expect(iso(clock.next(at('2025-05-01T23:45')))).toBe('2025-05-02T00:30');
    // The same where there is nothing after it at all.
    const last = clockOf('0 30 23 1 5 * 2025', '2025-05-02T00:00', 0, -60, { overlap: 'second' });
    expect(iso(last.next(at('2025-05-01T23:45')))).toBe('2025-05-02T00:30');
    expect(last.next(at('2025-05-02T00:31'))).toBeNull();
  });
});
