import { describe, expect, it } from 'vitest';
import { at, cronRuns, make, runs } from './trigger.fixtures.js';

describe('a cron expression', () => {
  it('has five fields, six with the second first, seven with the year last', () => {
    expect(cronRuns('30 4 * * *', '2025-01-01T05:00', 2)).toEqual(['2025-01-02T04:30', '2025-01-03T04:30']);
    expect(cronRuns('15 30 4 * * *', '2025-01-01T04:30', 1)).toEqual(['2025-01-01T04:30:15']);
    expect(cronRuns('0 30 4 1 1 * 2027,2029', '2025-01-01T05:00')).toEqual([
      '2027-01-01T04:30',
      '2029-01-01T04:30',
      null,
    ]);
  });

  it('takes any blanks between and around its fields', () => {
    expect(cronRuns('  30\t4   * * *\n', '2025-01-01T05:00', 1)).toEqual(['2025-01-02T04:30']);
  });

  it.each([
    ['lists', '0,20,40 * * * *', ['2025-01-01T00:20', '2025-01-01T00:40', '2025-01-01T01:00']],
    ['ranges', '0 9-11 * * *', ['2025-01-01T09:00', '2025-01-01T10:00', '2025-01-01T11:00']],
    ['steps', '*/25 * * * *', ['2025-01-01T00:25', '2025-01-01T00:50', '2025-01-01T01:00']],
    ['steps in ranges', '10-30/10 1 * * *', ['2025-01-01T01:10', '2025-01-01T01:20', '2025-01-01T01:30']],
    ['steps from a value on', '50/4 * * * *', ['2025-01-01T00:50', '2025-01-01T00:54', '2025-01-01T00:58']],
    [
      'a step of the whole field, which leaves the first',
      '*/60 * * * *',
      ['2025-01-01T01:00', '2025-01-01T02:00', '2025-01-01T03:00'],
    ],
    ['names in either case', '0 0 * FEB Sat', ['2025-02-01T00:00', '2025-02-08T00:00', '2025-02-15T00:00']],
    ['hours past midnight', '0 22-1 * * *', ['2025-01-01T01:00', '2025-01-01T22:00', '2025-01-01T23:00']],
    ['every second hour past midnight', '0 21-3/2 * * *', ['2025-01-01T01:00', '2025-01-01T03:00', '2025-01-01T21:00']],
    [
      'weekdays past the end of the week',
      '0 0 * * fri-mon',
      ['2025-01-03T00:00', '2025-01-04T00:00', '2025-01-05T00:00'],
    ],
    [
      'months past the end of the year',
      '0 0 1 nov-feb *',
      ['2025-02-01T00:00', '2025-11-01T00:00', '2025-12-01T00:00'],
    ],
    ['days past the end of the month', '0 0 30-2 * *', ['2025-01-02T00:00', '2025-01-30T00:00', '2025-01-31T00:00']],
    ['Sunday as 0', '0 0 * * 0', ['2025-01-05T00:00', '2025-01-12T00:00', '2025-01-19T00:00']],
    ['Sunday as 7', '0 0 * * 7', ['2025-01-05T00:00', '2025-01-12T00:00', '2025-01-19T00:00']],
    ['a range up to 7', '0 0 * * 6-7', ['2025-01-04T00:00', '2025-01-05T00:00', '2025-01-11T00:00']],
    ['a range from 7', '0 0 * * 7-1', ['2025-01-05T00:00', '2025-01-06T00:00', '2025-01-12T00:00']],
    ['the whole week as 0-7', '0 0 * * 0-7', ['2025-01-02T00:00', '2025-01-03T00:00', '2025-01-04T00:00']],
    ['the last day', '0 0 L * *', ['2025-01-31T00:00', '2025-02-28T00:00', '2025-03-31T00:00']],
    ['days before the last', '0 0 L-3 * *', ['2025-01-28T00:00', '2025-02-25T00:00', '2025-03-28T00:00']],
    ['workdays', '0 0 W * *', ['2025-01-02T00:00', '2025-01-03T00:00', '2025-01-06T00:00']],
    ['the nearest workday', '0 0 15W 2,3,6 *', ['2025-02-14T00:00', '2025-03-14T00:00', '2025-06-16T00:00']],
    [
      'the nearest workday within the month',
      '0 0 1W 2,3,6 *',
      ['2025-02-03T00:00', '2025-03-03T00:00', '2025-06-02T00:00'],
    ],
    [
      'the nearest workday at the end of the month',
      '0 0 31W * *',
      ['2025-01-31T00:00', '2025-03-31T00:00', '2025-05-30T00:00'],
    ],
    ['the last workday', '0 0 LW * *', ['2025-01-31T00:00', '2025-02-28T00:00', '2025-03-31T00:00']],
    [
      'the workday nearest to a day before the last',
      '0 0 L-2W 5,8 *',
      ['2025-05-29T00:00', '2025-08-29T00:00', '2026-05-29T00:00'],
    ],
    ['the second Friday', '0 0 * * 5#2', ['2025-01-10T00:00', '2025-02-14T00:00', '2025-03-14T00:00']],
    [
      'a fifth weekday, where there is one',
      '0 0 * * mon#5',
      ['2025-03-31T00:00', '2025-06-30T00:00', '2025-09-29T00:00'],
    ],
    ['the last Friday', '0 0 * * 5L', ['2025-01-31T00:00', '2025-02-28T00:00', '2025-03-28T00:00']],
    ['the last Sunday by name', '0 0 * * sunL', ['2025-01-26T00:00', '2025-02-23T00:00', '2025-03-30T00:00']],
    ['several of them', '0 0 * * 1#1,3#3', ['2025-01-06T00:00', '2025-01-15T00:00', '2025-02-03T00:00']],
    ['lists of days with special ones', '0 0 1,15,L * *', ['2025-01-15T00:00', '2025-01-31T00:00', '2025-02-01T00:00']],
    ['no day of the month', '0 0 ? * mon', ['2025-01-06T00:00', '2025-01-13T00:00', '2025-01-20T00:00']],
    ['no day of the week', '0 0 13 * ?', ['2025-01-13T00:00', '2025-02-13T00:00', '2025-03-13T00:00']],
    ['@hourly', '@hourly', ['2025-01-01T01:00', '2025-01-01T02:00', '2025-01-01T03:00']],
    ['@daily', '@daily', ['2025-01-02T00:00', '2025-01-03T00:00', '2025-01-04T00:00']],
    ['@midnight', '@midnight', ['2025-01-02T00:00', '2025-01-03T00:00', '2025-01-04T00:00']],
    ['@weekly', '@Weekly', ['2025-01-05T00:00', '2025-01-12T00:00', '2025-01-19T00:00']],
    ['@monthly', '@monthly', ['2025-02-01T00:00', '2025-03-01T00:00', '2025-04-01T00:00']],
    ['@yearly', '@yearly', ['2026-01-01T00:00', '2027-01-01T00:00', '2028-01-01T00:00']],
    ['@annually', ' @annually ', ['2026-01-01T00:00', '2027-01-01T00:00', '2028-01-01T00:00']],
  ])('takes %s: %s', (_what, expression, expected) => {
    expect(cronRuns(expression, '2025-01-01T00:01', 3)).toEqual(expected);
  });

  it('takes no other day for one that the month does not have', () => {
    // 31 April 2027 would be a Saturday, and the workday nearest to it the 30th.
    expect(cronRuns('0 0 31W * *', '2027-04-01T00:00', 1)).toEqual(['2027-05-31T00:00']);
    expect(cronRuns('0 0 L-30W * *', '2027-04-01T00:00', 1)).toEqual(['2027-05-03T00:00']);
  });

  it('needs one of two restricted days, unless both are asked for', () => {
    expect(cronRuns('0 0 13 * fri', '2025-06-01T00:00', 3)).toEqual([
      '2025-06-06T00:00',
      '2025-06-13T00:00',
      '2025-06-20T00:00',
    ]);
    expect(cronRuns('0 0 13 * fri', '2025-06-01T00:00', 2, { dayMatch: 'and' })).toEqual([
      '2025-06-13T00:00',
      '2026-02-13T00:00',
    ]);
    // A step restricts too: only a whole * or ? does not.
    expect(cronRuns('0 0 */10 * mon', '2025-06-01T00:01', 3)).toEqual([
      '2025-06-02T00:00',
      '2025-06-09T00:00',
      '2025-06-11T00:00',
    ]);
  });

  it('finds leap days by the rule of 400 years', () => {
    expect(cronRuns('0 0 29 2 *', '2096-01-01T00:00', 2)).toEqual(['2096-02-29T00:00', '2104-02-29T00:00']);
    expect(cronRuns('0 0 29 2 1', '2080-03-01T00:00', 2, { dayMatch: 'and' })).toEqual([
      '2112-02-29T00:00',
      '2140-02-29T00:00',
    ]);
  });
});

describe('H in a cron expression', () => {
  const occurrence = (expression: string, taskId: string): number =>
    make({ type: 'cron', expression }).nextOccurrence(null, at('2025-01-01T00:00'), { taskId })!.scheduledTime;

  it('gives each task its own time, the same on every machine', () => {
    const tasks = Array.from({ length: 200 }, (_, index) => `task-${index}`);
    const minutes = new Set(tasks.map((id) => (occurrence('H * * * *', id) / 60_000) % 60));
    // 200 tasks on 60 minutes leave two of them empty on average.
    expect(minutes.size).toBeGreaterThan(48);
    expect(tasks.map((id) => occurrence('H H * * *', id))).toEqual(tasks.map((id) => occurrence('H H * * *', id)));
    expect(new Date(occurrence('H H H * *', 'reports.nightly')).toISOString()).toBe('2025-01-20T16:52:00.000Z');
  });

  it('stays in its range and keeps its step', () => {
    for (let index = 0; index < 100; index += 1) {
      const taskId = `task-${index}`;
      const trigger = make({ type: 'cron', expression: 'H(10-20) H/6 * * *' });
      const first = trigger.nextOccurrence(null, at('2025-01-01T00:00'), { taskId })!.scheduledTime;
      const second = trigger.nextOccurrence(first, first, { taskId })!.scheduledTime;
      expect(new Date(first).getUTCMinutes()).toBeGreaterThanOrEqual(10);
      expect(new Date(first).getUTCMinutes()).toBeLessThanOrEqual(20);
      expect(new Date(first).getUTCHours()).toBeLessThan(6);
      expect(second - first).toBe(6 * 3_600_000);
      expect(trigger.countBetween(first, first + 86_400_000 - 1, { taskId })).toBe(4);
    }
  });

  it('never chooses a day that a month lacks, or nothing at all', () => {
    for (let index = 0; index < 100; index += 1) {
      const taskId = `task-${index}`;
      const day = make({ type: 'cron', expression: '0 0 H 2 *' }).nextOccurrence(null, at('2025-01-01T00:00'), {
        taskId,
      });
      expect(new Date(day!.scheduledTime).getUTCFullYear()).toBe(2025);
      const step = make({ type: 'cron', expression: 'H(0-5)/40 * * * *' }).nextOccurrence(
        null,
        at('2025-01-01T00:00'),
        { taskId },
      );
      expect(new Date(step!.scheduledTime).getUTCMinutes()).toBeLessThanOrEqual(5);
    }
  });
});

describe('cron fields', () => {
  const fields = (values: Readonly<Record<string, unknown>>, now: string, count = 3): (string | null)[] =>
    runs({ type: 'cron', ...values }, now, count);

  it.each([
    [{ hour: 4 }, ['2025-01-01T04:00', '2025-01-02T04:00']],
    [{ month: 3 }, ['2025-03-01T00:00', '2026-03-01T00:00']],
    [{ year: 2027 }, ['2027-01-01T00:00', null]],
    [{ dayOfWeek: 'fri' }, ['2025-01-03T00:00', '2025-01-10T00:00']],
    [{ minute: '*/20' }, ['2025-01-01T00:20', '2025-01-01T00:40']],
    [{ second: 30 }, ['2025-01-01T00:01:30', '2025-01-01T00:02:30']],
    [{ week: 2 }, ['2025-01-06T00:00', '2025-01-07T00:00']],
    [{}, ['2025-01-01T00:01', '2025-01-01T00:01:01']],
  ])('%j leave what is less significant at its smallest and the rest open', (values, expected) => {
    expect(fields(values, '2025-01-01T00:01', 2)).toEqual(expected);
  });

  it('must all match', () => {
    expect(fields({ day: 13, dayOfWeek: 5 }, '2025-01-01T00:00', 2)).toEqual(['2025-06-13T00:00', '2026-02-13T00:00']);
    expect(fields({ day: 13, dayOfWeek: 5, dayMatch: 'or' }, '2025-01-04T00:00', 3)).toEqual([
      '2025-01-10T00:00',
      '2025-01-13T00:00',
      '2025-01-17T00:00',
    ]);
    expect(fields({ week: 1, dayOfWeek: 'mon' }, '2025-01-01T00:00', 2)).toEqual([
      '2025-12-29T00:00',
      '2027-01-04T00:00',
    ]);
    expect(fields({ week: 53, dayOfWeek: 'thu' }, '2025-01-01T00:00', 2)).toEqual([
      '2026-12-31T00:00',
      '2032-12-30T00:00',
    ]);
  });

  it('take the words of the specification for days', () => {
    expect(fields({ day: 'last' }, '2025-02-01T00:00', 1)).toEqual(['2025-02-28T00:00']);
    expect(fields({ day: '2nd fri' }, '2025-01-01T00:00', 1)).toEqual(['2025-01-10T00:00']);
    expect(fields({ day: 'Last  SUN' }, '2025-01-01T00:00', 1)).toEqual(['2025-01-26T00:00']);
    expect(fields({ day: '1st mon, 3rd mon', hour: 9 }, '2025-01-01T00:00', 3)).toEqual([
      '2025-01-06T09:00',
      '2025-01-20T09:00',
      '2025-02-03T09:00',
    ]);
  });

  it('count weekdays from Sunday, and from Monday in the dialect of the model system', () => {
    expect(fields({ dayOfWeek: 1 }, '2025-01-01T00:00', 1)).toEqual(['2025-01-06T00:00']);
    expect(fields({ dayOfWeek: 1, dialect: 'asyncz' }, '2025-01-01T00:00', 1)).toEqual(['2025-01-07T00:00']);
    expect(fields({ dayOfWeek: 'sat-sun', dialect: 'asyncz' }, '2025-01-01T00:00', 2)).toEqual([
      '2025-01-04T00:00',
      '2025-01-05T00:00',
    ]);
    expect(cronRuns('0 0 * * 0', '2025-01-01T00:00', 1, { dialect: 'asyncz' })).toEqual(['2025-01-06T00:00']);
  });

  it('store the dialect and what else was chosen', () => {
    const stored = make(
      { type: 'cron', hour: 5, dialect: 'asyncz', dst: { gap: 'skip' } },
      '2025-01-01T00:00',
      'Asia/Tokyo',
    );
    expect(stored.toJSON()).toEqual({
      type: 'cron',
      hour: 5,
      dialect: 'asyncz',
      dst: { gap: 'skip' },
      timezone: 'Asia/Tokyo',
    });
    expect(make({ type: 'cron', expression: '0 5 * * *' }).toJSON()).toEqual({
      type: 'cron',
      expression: '0 5 * * *',
      dialect: 'standard',
      timezone: 'UTC',
    });
  });
});
