import { describe, expect, it } from 'vitest';
import { InvalidOptionError } from '../../../lib/errors/input.errors.js';
import { SearchLimitError } from '../../../lib/errors/trigger.errors.js';
import { createTrigger } from '../../../lib/triggers/trigger.registry.js';
import type { TriggerData } from '../../../lib/triggers/trigger.interface.js';
import { at, iso, make, runs, SEED } from './trigger.fixtures.js';

/** Far more than any of it takes, and far less than what it took: seconds to minutes. */
const SOON_MS = 1_000;

/** Asserts that something takes no longer than it may on a machine that does other things too. */
function soon<T>(work: () => T): T {
  const start = performance.now();
  const result = work();
  expect(performance.now() - start).toBeLessThan(SOON_MS);
  return result;
}

const rrule = (rule: string, more: Readonly<Record<string, unknown>> = {}): TriggerData => ({
  type: 'rrule',
  rule,
  startAt: '2025-01-01T09:00:00',
  ...more,
});

describe('a recurrence rule that was searched for seconds', () => {
  it('counts 10,000 leap days at once, although the calendar ends before', () => {
    const data = rrule('FREQ=DAILY;COUNT=10000;BYMONTH=2;BYMONTHDAY=29');
    expect(soon(() => runs(data, '2025-01-01T00:00', 2))).toEqual(['2028-02-29T09:00', '2032-02-29T09:00']);
    expect(soon(() => make(data).impossible())).toBeNull();
    const last = rrule('FREQ=DAILY;COUNT=100;BYMONTH=2;BYMONTHDAY=29');
    expect(soon(() => runs(last, '2432-01-01T00:00', 3))).toEqual(['2432-02-29T09:00', '2436-02-29T09:00', null]);
  });

  it.each(['FREQ=WEEKLY;BYDAY=MO;BYSETPOS=366', 'FREQ=DAILY;BYHOUR=3;BYSETPOS=366'])(
    '%s is refused as one that no search finds',
    (rule) => {
      expect(soon(() => make(rrule(rule)).impossible())).toBe('a search of 18000 steps finds no time of it');
      expect(() => soon(() => make(rrule(rule)).nextTime(null, at('2025-01-01T00:00')))).toThrow(SearchLimitError);
    },
  );

  it.each(['YEARLY', 'MONTHLY', 'WEEKLY', 'DAILY'])(
    '%s with every value of every part runs every second',
    (frequency) => {
      const all = (from: number, to: number): string =>
        Array.from({ length: to - from + 1 }, (_, index) => from + index).join(',');
      const rule = `FREQ=${frequency};BYMONTH=${all(1, 12)};BYHOUR=${all(0, 23)};BYMINUTE=${all(0, 59)};BYSECOND=${all(0, 59)}`;
      const days = frequency === 'WEEKLY' ? ';BYDAY=MO,TU,WE,TH,FR,SA,SU' : `;BYMONTHDAY=${all(1, 31)}`;
      const data = rrule(rule + days);
      expect(soon(() => runs(data, '2025-06-01T12:00:00', 2))).toEqual(['2025-06-01T12:00', '2025-06-01T12:00:01']);
      const trigger = make(data);
      const from = at('2025-06-01T12:00');
      const caughtUp = soon(() =>
        trigger.catchUp({ scheduledTime: from, runTime: from }, at('2026-06-01T12:00'), SEED),
      );
      expect(caughtUp.count).toBe(365 * 86_400 + 1);
      expect(trigger.describe()).toMatch(/^by the rule FREQ=/);
    },
  );
});

describe('a cron schedule with a year step and a start before history', () => {
  const data = {
    type: 'cron',
    year: '2096/400',
    endAt: 1_000_000_000_000_000,
    timezone: 'Europe/Berlin',
  };

  it('is refused by its start, which no calendar has', () => {
    expect(() => make({ ...data, endAt: '9999-01-01', startAt: -7_730_000_000_000_000 })).toThrow(
      /Invalid startAt: -7730000000000000. Allowed: a date of the years 1 to 9999/,
    );
    expect(() => make(data)).toThrow(/Invalid endAt/);
  });

  it('runs in the years that it names', () => {
    const allowed = { ...data, startAt: '0001-01-02', endAt: '9999-01-01' };
    expect(soon(() => runs(allowed, '0001-01-01T00:00', 2))).toEqual(['2095-12-31T23:00', '2495-12-31T23:00']);
  });
});

describe('combinations within combinations', () => {
  const nested = (depth: number, width: number): TriggerData =>
    depth === 0
      ? { type: 'interval', milliseconds: 7, startAt: '2025-01-01' }
      : { type: 'or', triggers: Array.from({ length: width }, () => nested(depth - 1, width)) };

  it.each([
    [6, 10],
    [8, 3],
    [1, 101],
    [9, 1],
  ])('are refused %i deep with %i in each', (depth, width) => {
    expect(() => soon(() => make(nested(depth, width)))).toThrow(InvalidOptionError);
    expect(() => soon(() => make(nested(depth, width)))).toThrow(/at most 100 triggers, 8 within each other/);
  });

  it('are asked and caught up at once as far as they are allowed', () => {
    const trigger = make(nested(5, 2));
    const from = at('2020-01-01T00:00');
    soon(() => trigger.nextOccurrence(null, from, SEED));
    const caughtUp = soon(() => trigger.catchUp({ scheduledTime: from, runTime: from }, at('2026-01-01T00:00'), SEED));
    expect(caughtUp.next!.runTime).toBeGreaterThan(at('2026-01-01T00:00'));
  });

  it('go on although one of them never runs', () => {
    const never = {
      type: 'and',
      triggers: [
        { type: 'cron', expression: '0 9 * * *' },
        { type: 'cron', expression: '0 10 * * *' },
      ],
    };
    const data = { type: 'or', triggers: [never, { type: 'cron', expression: '0 12 1 * *' }] };
    expect(soon(() => runs(data, '2025-01-01T00:00', 2))).toEqual(['2025-01-01T12:00', '2025-02-01T12:00']);
  });

  it('are refused with a hole in their list', () => {
    // eslint-disable-next-line no-sparse-arrays -- that is the case
    expect(() => make({ type: 'or', triggers: [, { type: 'date' }] })).toThrow(InvalidOptionError);
  });
});

describe('lengths', () => {
  it.each([
    [{ type: 'cron', expression: '0 9 * * *', timezone: 'A'.repeat(1_000_000) }, /Invalid timezone: "AAA/],
    [{ type: 'cron', expression: '0 9 * * *', timezone: 'Europe/Berlin'.repeat(9) }, /Invalid timezone/],
    [
      rrule('FREQ=DAILY', { exDates: Array.from({ length: 1_001 }, (_, day) => day * 86_400_000) }),
      /at most 1000 dates/,
    ],
    [
      { type: 'date', calendar: Array.from({ length: 101 }, () => ({ weekdays: ['sun'] })) },
      /at most 100 definitions with 2000 days/,
    ],
    [
      { type: 'date', calendar: { dates: Array.from({ length: 2_001 }, () => '2025-01-01') } },
      /at most 100 definitions/,
    ],
    [{ type: 'interval', every: 8.64e15 }, /Invalid every/],
    [{ type: 'interval', weeks: 1e9 }, /1,000 years/],
    [{ type: 'date', jitter: 8e15 }, /Invalid jitter/],
    [{ type: 'date', runAt: 8.64e15 }, /Invalid runAt/],
    [{ type: 'fixedDelay', delay: 8e15 }, /Invalid delay/],
    [{ type: 'and', triggers: [{ type: 'interval', every: 8.64e15 }] }, /Invalid every/],
  ])('%# are refused at once', (data, message) => {
    const error = soon(() => {
      try {
        make(data as TriggerData);
        return null;
      } catch (thrown) {
        return thrown as Error;
      }
    });
    expect(error).toBeInstanceOf(InvalidOptionError);
    expect(error!.message).toMatch(message);
    expect(error!.message.length).toBeLessThan(400);
  });

  it('of calendars that name each other twice over do not multiply', async () => {
    const { TriggerRegistry } = await import('../../../lib/triggers/trigger.registry.js');
    const registry = new TriggerRegistry().registerCalendar('c0', { weekdays: ['sun'] });
    const doubled = (): void => {
      for (let i = 1; i < 20; i += 1) {
        registry.registerCalendar(`c${i}`, { calendars: [`c${i - 1}`, `c${i - 1}`] });
      }
    };
    expect(() => soon(doubled)).toThrow(/at most 100 definitions/);
  });
});

describe('a trigger that ends with the calendar', () => {
  it.each([
    { type: 'interval', every: '300d', startAt: '9999-06-01' },
    { type: 'cron', expression: '0 0 1 6 *' },
    { type: 'calendarInterval', years: 1, startAt: '9999-06-01' },
    rrule('FREQ=YEARLY', { startAt: '9999-06-01' }),
  ])('has no time after the year 9999: $type', (data) => {
    const trigger = createTrigger(data);
    const last = trigger.nextTime(null, at('9999-05-31T00:00'))!;
    expect(iso(last)).toMatch(/^9999-06-01T00:00/);
    expect(trigger.nextTime(last, 0)).toBeNull();
    expect(() => trigger.describe()).not.toThrow();
  });
});
