import { describe, expect, it } from 'vitest';
import { make } from './trigger.fixtures.js';

describe('a trigger in words', () => {
  it.each([
    [{ type: 'date', runAt: '2025-03-01T09:30:00Z', timezone: 'Europe/Lisbon' }, 'at 2025-03-01 09:30, Europe/Lisbon'],
    [{ type: 'interval', minutes: 5, startAt: '2025-01-01' }, 'every 5 minutes, from 2025-01-01 00:00'],
    [{ type: 'interval', hours: 1, startAt: '2025-01-01' }, 'every hour, from 2025-01-01 00:00'],
    [{ type: 'interval', every: '10d', startAt: '2025-01-01' }, 'every 10 days, from 2025-01-01 00:00'],
    [{ type: 'interval', every: '1w', startAt: '2025-01-01' }, 'every week, from 2025-01-01 00:00'],
    [
      { type: 'interval', every: '1h30m', startAt: '2025-01-01', endAt: '2025-02-01T00:00:01.5Z' },
      'every 1 hour 30 minutes, from 2025-01-01 00:00, until 2025-02-01 00:00:01.500',
    ],
    [
      { type: 'interval', seconds: 1, startAt: '2025-01-01', jitter: 250, maxRuns: 3 },
      'every second, from 2025-01-01 00:00, 3 times at most, up to 250 milliseconds later',
    ],
    [
      { type: 'calendarInterval', months: 1, startAt: '2025-01-31T09:00:00' },
      'every month at 09:00, UTC, from 2025-01-31 09:00',
    ],
    [
      { type: 'calendarInterval', years: 1, weeks: 2, at: '09:30:15', startAt: '2025-01-31' },
      'every 1 year 2 weeks at 09:30:15, UTC, from 2025-01-31 00:00',
    ],
    [
      { type: 'fixedDelay', delay: '5m', startAt: '2025-01-01' },
      '5 minutes after the last run has ended, from 2025-01-01 00:00',
    ],
    [{ type: 'startup' }, 'when the scheduler starts'],
    [{ type: 'shutdown' }, 'when the scheduler stops'],
    [
      { type: 'rrule', rule: 'FREQ=MONTHLY;BYDAY=2FR;COUNT=3', startAt: '2025-01-01T09:00:00' },
      'every month on 2nd Friday at 9 AM, UTC, 3 times, from 2025-01-01 09:00',
    ],
    [
      {
        type: 'rrule',
        rule: 'FREQ=DAILY;UNTIL=20250201',
        startAt: '2025-01-01T09:00:00',
        exDates: ['2025-01-05T09:00:00'],
      },
      'every day at 9 AM, UTC, until 2025-02-01, but not at 2025-01-05 09:00, from 2025-01-01 09:00',
    ],
    [
      {
        type: 'or',
        triggers: [
          { type: 'cron', hour: 9 },
          {
            type: 'and',
            triggers: [
              { type: 'cron', day: 1 },
              { type: 'cron', dayOfWeek: 1 },
            ],
          },
        ],
      },
      'at 09:00, UTC; or (at 00:00, on day 1 of the month, UTC; and at the same time at 00:00, only on Monday, UTC)',
    ],
    [{ type: 'cron', hour: 9, calendar: { weekdays: [0] } }, 'at 09:00, UTC, not when its own calendar excludes it'],
    [
      { type: 'cron', hour: 9, calendar: { weekdays: [0] }, onExcluded: 'next' },
      'at 09:00, UTC, on the next day that is free when its own calendar excludes it',
    ],
    [
      { type: 'cron', hour: 9, startAt: '2025-01-01', maxRuns: 1, timezone: 'Asia/Tokyo' },
      'at 09:00, Asia/Tokyo, from 2025-01-01 00:00, once',
    ],
  ])('%j is: %s', (data, words) => {
    expect(make(data).describe()).toBe(words);
  });

  it.each([
    ['0 2 * * 1-5', 'at 02:00 on weekdays'],
    ['*/15 * * * *', 'every 15 minutes'],
    ['* * * * * *', 'every second'],
    ['0 22-2 * * *', 'every hour, between 22:00 and 02:00'],
    ['0 0 L * *', 'at 00:00, on the last day of the month'],
    ['0 0 L-3 * *', 'at 00:00, 3 days before the last day of the month'],
    ['0 0 15W * *', 'at 00:00, on the weekday nearest day 15 of the month'],
    ['0 0 * * 5#2', 'at 00:00, on the second Friday of the month'],
    ['0 0 * * sunL', 'at 00:00, on the last Sunday of the month'],
    ['0 0 29 2 *', 'at 00:00, on day 29 of the month, only in February'],
    ['0 0 0 1 1 * 2030', 'at 00:00, on day 1 of the month, only in January, only in 2030'],
    ['@daily', 'at 00:00'],
    // Either of the two days, which the library would call "and".
    ['0 0 13 * 5', 'at 00:00, on day 13 of the month or on Friday'],
    ['30 9 1 6 1-5', 'at 09:30, on day 1 of the month or on weekdays, only in June'],
    // What the library has no words for, or the wrong ones.
    ['H H * * *', 'by the cron schedule "H H * * *", H being chosen by the task'],
    ['0 0 W * *', 'by the cron schedule "0 0 W * *"'],
    ['0 0 * * 1#1,3#2', 'by the cron schedule "0 0 * * 1#1,3#2"'],
    ['0 0 L-3W * *', 'by the cron schedule "0 0 L-3W * *"'],
  ])('cron %s is: %s', (expression, words) => {
    expect(make({ type: 'cron', expression, timezone: 'Europe/Lisbon' }).describe()).toBe(`${words}, Europe/Lisbon`);
  });

  it.each([
    [{ hour: 2, dayOfWeek: 'mon-fri' }, 'at 02:00 on weekdays'],
    [{ hour: 2, dayOfWeek: '0-4', dialect: 'asyncz' }, 'at 02:00 on weekdays'],
    [{ day: 'last sun', hour: 3 }, 'at 03:00, on the last Sunday of the month'],
    [{ day: 13, dayOfWeek: 'fri' }, 'at 00:00, on day 13 of the month, if also on Friday'],
    [{ week: 20, hour: 4 }, 'by the cron schedule week 20, hour 4'],
    [{}, 'every second'],
  ])('cron fields %j are: %s', (fields, words) => {
    expect(make({ type: 'cron', ...fields }).describe()).toBe(`${words}, UTC`);
  });

  it('names a calendar by its name', async () => {
    const { TriggerRegistry } = await import('../../../lib/triggers/trigger.registry.js');
    const registry = new TriggerRegistry().registerCalendar('holidays', {});
    const data = { type: 'cron', hour: 9, calendar: 'holidays', onExcluded: 'previous' };
    expect(registry.create(data, { now: 0, timezone: 'UTC' }).describe()).toBe(
      'at 09:00, UTC, on the previous day that is free when "holidays" excludes it',
    );
  });
});
