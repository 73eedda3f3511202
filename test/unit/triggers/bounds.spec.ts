import { describe, expect, it } from 'vitest';
import { at, iso, make, runs } from './trigger.fixtures.js';

describe('the bounds of a schedule', () => {
  it('count only before the first run where they are its start', () => {
    const trigger = make({ type: 'cron', expression: '0 * * * *', startAt: '2025-01-02' });
    expect(iso(trigger.nextTime(null, at('2025-01-01T00:00')))).toBe('2025-01-02T00:00');
    expect(iso(trigger.nextTime(at('2025-01-01T00:00'), at('2025-01-01T00:00')))).toBe('2025-01-01T01:00');
  });

  it('are instants, read in the zone', () => {
    const data = {
      type: 'cron',
      expression: '0 0 * * *',
      timezone: 'Asia/Tokyo',
      startAt: '2025-01-02',
      endAt: '2025-01-03',
    };
    expect(runs(data, '2025-01-01T00:00')).toEqual(['2025-01-01T15:00', '2025-01-02T15:00', null]);
  });

  it('make it impossible where nothing lies between them', () => {
    expect(
      make({ type: 'cron', expression: '0 0 * * *', startAt: '2025-01-02', endAt: '2025-01-01' }).impossible(),
    ).toBe('its endAt lies before its startAt');
    expect(
      make({ type: 'cron', expression: '0 0 1 1 *', startAt: '2025-01-02', endAt: '2025-12-01' }).impossible(),
    ).toBe('no time of it lies between its startAt and its endAt');
    // Over is not impossible: a deploy that comes later must not fail, where nobody gave a start either.
    for (const kind of [
      { type: 'interval', hours: 1 },
      { type: 'calendarInterval', days: 1 },
      { type: 'fixedDelay', delay: '1h' },
      { type: 'rrule', rule: 'FREQ=DAILY' },
    ]) {
      expect(make({ ...kind, endAt: '2020-01-01' }).impossible()).toBeNull();
      expect(make({ ...kind, startAt: '2020-01-02', endAt: '2020-01-01' }).impossible()).toMatch(/endAt lies before/);
    }
    expect(make({ type: 'cron', expression: '0 0 * * *', endAt: '2020-01-01' }).impossible()).toBeNull();
  });
});

describe('a date that never comes', () => {
  it.each(['0 0 30 2 *', '0 0 31 4,6,9,11 *', '0 0 31 2 1#1', '0 0 L-30 2 *', '0 0 0 29 2 * 2025-2027'])(
    '%s gives null soon, and the reason',
    (expression) => {
      const dayMatch = expression.includes('#') ? { dayMatch: 'and' } : {};
      const trigger = make({ type: 'cron', expression, ...dayMatch });
      const start = performance.now();
      for (let i = 0; i < 20; i += 1) expect(trigger.nextTime(null, at('2025-01-01T00:00'))).toBeNull();
      expect((performance.now() - start) / 20).toBeLessThan(20);
      expect(trigger.impossible()).toMatch(/no day of the calendar matches/);
    },
  );
});
