import { describe, expect, it } from 'vitest';
import { CronSyntaxError } from '../../../lib/errors/trigger.errors.js';
import { cronRuns, make } from './trigger.fixtures.js';

/** The next three runs after New Year 2025, a Wednesday. */
function next(dialect: string, expression: string): (string | null)[] {
  return cronRuns(expression, '2025-01-01T00:01', 3, { dialect });
}

function failure(dialect: string, expression: string): CronSyntaxError {
  try {
    make({ type: 'cron', expression, dialect });
  } catch (error) {
    expect(error).toBeInstanceOf(CronSyntaxError);
    return error as CronSyntaxError;
  }
  return expect.unreachable(`${expression} was accepted`) as never;
}

describe('the dialect of Quartz', () => {
  it.each([
    ['0 0 12 * * ?', ['2025-01-01T12:00', '2025-01-02T12:00', '2025-01-03T12:00']],
    ['0 15 10 ? * 6L', ['2025-01-31T10:15', '2025-02-28T10:15', '2025-03-28T10:15']],
    ['0 15 10 ? * 6#3', ['2025-01-17T10:15', '2025-02-21T10:15', '2025-03-21T10:15']],
    ['0 0 12 ? * 2-6', ['2025-01-01T12:00', '2025-01-02T12:00', '2025-01-03T12:00']],
    ['0 0 0 ? * 1', ['2025-01-05T00:00', '2025-01-12T00:00', '2025-01-19T00:00']],
    ['0 0 0 ? * 7', ['2025-01-04T00:00', '2025-01-11T00:00', '2025-01-18T00:00']],
    ['0 0 0 ? * L', ['2025-01-04T00:00', '2025-01-11T00:00', '2025-01-18T00:00']],
    ['0 0 0 ? * 6-2', ['2025-01-03T00:00', '2025-01-04T00:00', '2025-01-05T00:00']],
    ['0 0 0 ? * FRI-MON', ['2025-01-03T00:00', '2025-01-04T00:00', '2025-01-05T00:00']],
    ['0 0 0 ? * 1/3', ['2025-01-04T00:00', '2025-01-05T00:00', '2025-01-08T00:00']],
    ['0 0 0 ? FEB fri#2 2026-2028', ['2026-02-13T00:00', '2027-02-12T00:00', '2028-02-11T00:00']],
    ['0 0 22-1 ? * MON', ['2025-01-06T00:00', '2025-01-06T01:00', '2025-01-06T22:00']],
    ['0 0 0 L-2 * ?', ['2025-01-29T00:00', '2025-02-26T00:00', '2025-03-29T00:00']],
    ['0 0 0 15W * ?', ['2025-01-15T00:00', '2025-02-14T00:00', '2025-03-14T00:00']],
    ['0 0 0 LW * ? 2026/2', ['2026-01-30T00:00', '2026-02-27T00:00', '2026-03-31T00:00']],
    ['0 0/20 14,18 * * ?', ['2025-01-01T14:00', '2025-01-01T14:20', '2025-01-01T14:40']],
  ])('reads %s', (expression, expected) => {
    expect(next('quartz', expression)).toEqual(expected);
  });

  it.each([
    ['0 2 * * *', 'it has 5 fields'],
    ['0 0 12 * * *', 'none of the fields of days is "?"'],
    ['0 0 12 ? * ?', 'both fields of days are "?"'],
    ['0 0 12 ? * 0', 'day of the week 0 does not exist'],
    ['0 0 12 ? * 8', 'day of the week 8 does not exist'],
    ['0 0 12 ? * 0L', 'day of the week 0 does not exist'],
    ['0 H 12 ? * MON', '"h" is no minute'],
    ['0 0 12 W * ?', '"w" is no day of the month'],
    ['0 0 12 * * ? 2100', 'year 2100 does not exist'],
    ['0 0/61 12 * * ?', 'a step of 61 is longer than'],
    ['@daily', 'it has 1 field'],
  ])('refuses %s', (expression, found) => {
    expect(failure('quartz', expression).message).toContain(found);
  });

  it('says and keeps what it read', () => {
    const trigger = make({ type: 'cron', expression: '0 15 10 ? * 6L', dialect: 'quartz' });
    expect(trigger.describe()).toBe('at 10:15, on the last Friday of the month, UTC');
    expect(trigger.toJSON()).toMatchObject({ expression: '0 15 10 ? * 6L', dialect: 'quartz' });
    expect(failure('quartz', '0 0 12 ? * 8').allowed).toBe('1-7, sun-sat, lists, ranges and steps, ?, L, 6#2, 6L');
    expect(make({ type: 'cron', dayOfWeek: 2, dialect: 'quartz' }).describe()).toBe('at 00:00, only on Monday, UTC');
  });
});

describe('the dialect of Spring', () => {
  it.each([
    ['0 0 12 * * *', ['2025-01-01T12:00', '2025-01-02T12:00', '2025-01-03T12:00']],
    ['0 0 12 ? * 1', ['2025-01-06T12:00', '2025-01-13T12:00', '2025-01-20T12:00']],
    ['0 0 0 * * 0,7', ['2025-01-05T00:00', '2025-01-12T00:00', '2025-01-19T00:00']],
    ['0 0 0 * * SAT-SUN', ['2025-01-04T00:00', '2025-01-05T00:00', '2025-01-11T00:00']],
    ['0 0 0 * * MON#1', ['2025-01-06T00:00', '2025-02-03T00:00', '2025-03-03T00:00']],
    ['0 0 0 * * 5L', ['2025-01-31T00:00', '2025-02-28T00:00', '2025-03-28T00:00']],
    ['0 0 0 L-3 * *', ['2025-01-28T00:00', '2025-02-25T00:00', '2025-03-28T00:00']],
    // Both days have to match, unlike in crontab.
    ['0 0 0 13 * FRI', ['2025-06-13T00:00', '2026-02-13T00:00', '2026-03-13T00:00']],
    ['@weekly', ['2025-01-05T00:00', '2025-01-12T00:00', '2025-01-19T00:00']],
  ])('reads %s', (expression, expected) => {
    expect(next('spring', expression)).toEqual(expected);
  });

  it.each([
    ['0 12 * * *', 'it has 5 fields'],
    ['0 0 12 * * * 2025', 'it has 7 fields'],
    ['0 0 22-2 * * *', 'the range 22-2 goes backwards'],
    ['0 0 0 * * L', '"L" needs its weekday before it'],
    ['0 0 0 W * *', '"w" is no day of the month'],
    ['? 0 0 * * *', '"?" stands for any day'],
  ])('refuses %s', (expression, found) => {
    expect(failure('spring', expression).message).toContain(found);
  });
});

describe('the dialect of EventBridge', () => {
  it.each([
    ['0/5 * * * ? *', ['2025-01-01T00:05', '2025-01-01T00:10', '2025-01-01T00:15']],
    ['0 10 * * ? *', ['2025-01-01T10:00', '2025-01-02T10:00', '2025-01-03T10:00']],
    ['15 12 ? * MON-FRI *', ['2025-01-01T12:15', '2025-01-02T12:15', '2025-01-03T12:15']],
    ['0 18 ? * 2-6 *', ['2025-01-01T18:00', '2025-01-02T18:00', '2025-01-03T18:00']],
    ['0 8 ? * 2#1 *', ['2025-01-06T08:00', '2025-02-03T08:00', '2025-03-03T08:00']],
    ['0 8 ? * L *', ['2025-01-04T08:00', '2025-01-11T08:00', '2025-01-18T08:00']],
    ['0 8 L * ? 2026', ['2026-01-31T08:00', '2026-02-28T08:00', '2026-03-31T08:00']],
    ['0 8 3W * ? *', ['2025-01-03T08:00', '2025-02-03T08:00', '2025-03-03T08:00']],
  ])('reads %s', (expression, expected) => {
    expect(next('aws', expression)).toEqual(expected);
  });

  it.each([
    ['0 10 * * *', 'it has 5 fields'],
    ['0 10 * * * *', 'none of the fields of days is "?"'],
    ['0 10 ? * 0 *', 'day of the week 0 does not exist'],
    ['0 10 * * ? 2200', 'year 2200 does not exist'],
  ])('refuses %s', (expression, found) => {
    expect(failure('aws', expression).message).toContain(found);
  });
});

describe('an expression of another system', () => {
  it.each([
    ['0/5 * * * ? *', 'dialect: "aws" (EventBridge: the minute first, the year last, Sunday is 1)'],
    ['0 0 * * ? *', 'dialect: "aws" (EventBridge: the minute first, the year last, Sunday is 1)'],
    ['15 12 ? * MON-FRI *', 'dialect: "aws" (EventBridge: the minute first, the year last, Sunday is 1)'],
    ['0 15 10 ? * 6L', 'dialect: "quartz" (Quartz: the second first, Sunday is 1)'],
    ['0 0 12 ? * 2-6', 'dialect: "quartz" (Quartz: the second first, Sunday is 1)'],
    ['0 0 0 ? * L', 'dialect: "quartz" (Quartz: the second first, Sunday is 1)'],
    ['0 0 ? * 1', '"0 0 * * 1" (1 is Monday)'],
    ['cron(0 10 * * ? *)', '{ expression: "0 10 * * ? *", dialect: "aws" }'],
    ['rate(5 minutes)', '{ type: "interval", every: "5m" }'],
    ['CRON_TZ=America/New_York 0 9 * * 1', '{ expression: "0 9 * * 1", timezone: "America/New_York" }'],
    ['TZ=UTC @daily', '{ expression: "@daily", timezone: "UTC" }'],
    ['@every 1h30m10s', '{ type: "interval", every: "1h30m10s" }'],
    ['@every 90s', '{ type: "interval", every: "1m30s" }'],
    ['@every 1.5h', '{ type: "interval", every: "1h30m" }'],
    ['@every 2500us', '{ type: "interval", every: "3ms" }'],
    ['@every 36h', '{ type: "interval", every: "1d12h" }'],
    ['@every day', null],
    ['@every 5ns', null],
  ])('%s is refused, and pointed to %s', (expression, suggestion) => {
    expect(failure('standard', expression).suggestion).toBe(suggestion);
  });

  it.each(['0 0 12 ? * MON-FRI', '0 0 12 1 * ?', '0 0 12 ? * *', '0 0 12 ? * 0-6'])(
    '%s is taken, since it means the same here',
    (expression) => {
      expect(() => make({ type: 'cron', expression })).not.toThrow();
    },
  );

  it.each([
    ['*/90 * * * *', '{ type: "interval", every: "1h30m" }'],
    ['*/90 * * * * *', '{ type: "interval", every: "1m30s" }'],
    ['0 */36 * * *', '{ type: "interval", every: "1d12h" }'],
    ['0 0 */45 * *', '{ type: "calendarInterval", days: 45 }'],
    ['0 0 1 */18 *', '{ type: "calendarInterval", months: 18 }'],
    ['0 0 * * */15', '{ type: "calendarInterval", days: 15 }'],
    ['5/61 * * * *', '{ type: "interval", every: "1h1m" }'],
    ['H/90 * * * *', '{ type: "interval", every: "1h30m" }'],
    ['0-30/75 * * * *', '{ type: "interval", every: "1h15m" }'],
  ])('%s, a step longer than its field, is refused, and the interval proposed: %s', (expression, suggestion) => {
    expect(failure('standard', expression).suggestion).toBe(suggestion);
  });
});

describe('the words of a step', () => {
  it.each([
    ['*/45 * * * *', 'at 0 and 45 minutes past the hour'],
    ['5 */9 * * *', 'at 00:05, 09:05 and 18:05'],
    ['0 */6 * * *', 'on the hour, every 6 hours'],
    ['*/60 * * * *', 'every hour'],
    ['0 */24 * * *', 'at 00:00'],
    ['*/59 * * * *', 'at 0 and 59 minutes past the hour'],
    ['5/15 * * * *', 'every 15 minutes, starting at 5 minutes past the hour'],
    ['50/15 * * * *', 'at 50 minutes past the hour'],
    ['*/7 * * * * *', 'at 0, 7, 14, 21, 28, 35, 42, 49, and 56 seconds past the minute'],
    ['0 0 */10 * *', 'at 00:00, on day 1, 11, 21, and 31 of the month'],
    ['0 0 1 */5 *', 'at 00:00, on day 1 of the month, only in January, June, and November'],
    ['0 0 1 */3 *', 'at 00:00, on day 1 of the month, every 3 months'],
    ['0 0 * * */3', 'at 00:00, only on Sunday, Wednesday, and Saturday'],
    ['0 9-10/5 * * *', 'at 09:00'],
  ])('%s: %s', (expression, words) => {
    expect(make({ type: 'cron', expression }).describe()).toBe(`${words}, UTC`);
  });
});

describe('an offset as a zone', () => {
  it('is always as far from UTC', () => {
    const options = { timezone: '+05:30' };
    expect(cronRuns('0 9 * * *', '2025-06-01T00:00', 2, options)).toEqual(['2025-06-01T03:30', '2025-06-02T03:30']);
    expect(cronRuns('0 9 * * *', '2025-12-01T00:00', 1, { timezone: '-03:00' })).toEqual(['2025-12-01T12:00']);
    const trigger = make({ type: 'cron', expression: '0 9 * * *', ...options });
    expect(trigger.toJSON()).toMatchObject(options);
    expect(trigger.describe()).toBe('at 09:00, +05:30');
    expect(() => make({ type: 'cron', expression: '0 9 * * *', timezone: '+15:00' })).toThrow(
      /or an offset from -14:00 to \+14:00/,
    );
  });
});
