import { describe, expect, it } from 'vitest';
import { at, iso, make, runs, SEED } from './trigger.fixtures.js';

// Lisbon, 31 March 2024: 01:00 WET becomes 02:00 WEST. 27 October 2024: 02:00 WEST becomes 01:00 WET.
const SPRING = '2024-03-30T12:00';
const AUTUMN = '2024-10-26T12:00';

function lisbon(
  expression: string,
  now: string,
  count: number,
  dst?: Readonly<Record<string, string>>,
): (string | null)[] {
  return runs({ type: 'cron', expression, timezone: 'Europe/Lisbon', ...(dst && { dst }) }, now, count);
}

/** The marks of the runs that lie within a day of `now`. */
function marks(data: Parameters<typeof make>[0], now: string): string[] {
  const trigger = make(data, now);
  const found: string[] = [];
  let next = trigger.nextOccurrence(null, at(now), SEED);
  while (next !== null && next.runTime < at(now) + 86_400_000) {
    found.push(`${iso(next.runTime)}${next.dst === undefined ? '' : ` ${next.dst}`}`);
    next = trigger.nextOccurrence(next.scheduledTime, next.runTime, SEED);
  }
  return found;
}

describe('a time that the clocks skip', () => {
  it('moves forward by the length of the gap', () => {
    expect(lisbon('30 1 * * *', SPRING, 2)).toEqual(['2024-03-31T01:30', '2024-04-01T00:30']);
  });

  it('is skipped, or runs at the first instant after the gap, when its task says so', () => {
    expect(lisbon('30 1 * * *', SPRING, 2, { gap: 'skip' })).toEqual(['2024-04-01T00:30', '2024-04-02T00:30']);
    expect(lisbon('30 1 * * *', SPRING, 2, { gap: 'next' })).toEqual(['2024-03-31T01:00', '2024-04-01T00:30']);
  });

  it('is skipped where the hour is a wildcard, unless its task says otherwise', () => {
    expect(lisbon('30 * * * *', '2024-03-31T00:00', 2)).toEqual(['2024-03-31T00:30', '2024-03-31T01:30']);
    expect(lisbon('*/30 */5 * * *', '2024-03-31T00:31', 1)).toEqual(['2024-03-31T04:00']);
    // 01:30 would be 02:30, which is there anyway: it runs once.
    expect(lisbon('30 * * * *', '2024-03-31T00:00', 3, { gap: 'shift' })).toEqual([
      '2024-03-31T00:30',
      '2024-03-31T01:30',
      '2024-03-31T02:30',
    ]);
  });

  it('comes in order with the times that it is moved among', () => {
    // 01:15 and 01:45 become 02:15 and 02:45, around the 02:30 of its own.
    expect(
      runs(
        {
          type: 'or',
          triggers: [
            { type: 'cron', expression: '15,45 1 * * *' },
            { type: 'cron', expression: '30 2 * * *' },
          ],
          timezone: 'Europe/Lisbon',
        },
        '2024-03-31T00:00',
        3,
      ),
    ).toEqual(['2024-03-31T01:15', '2024-03-31T01:30', '2024-03-31T01:45']);
    expect(lisbon('15,45 1-2 * * *', '2024-03-31T00:00', 3)).toEqual([
      '2024-03-31T01:15',
      '2024-03-31T01:45',
      '2024-04-01T00:15',
    ]);
  });

  it('does not leave its day: a day that is skipped as a whole is skipped', () => {
    const apia = { type: 'cron', expression: '30 12 * * *', timezone: 'Pacific/Apia' };
    expect(runs(apia, '2011-12-29T12:00', 3)).toEqual(['2011-12-29T22:30', '2011-12-30T22:30', '2011-12-31T22:30']);
    expect(runs({ ...apia, dst: { gap: 'next' } }, '2011-12-29T12:00', 2)).toEqual([
      '2011-12-29T22:30',
      '2011-12-30T22:30',
    ]);
    expect(make({ type: 'cron', year: 2011, month: 12, day: 30, timezone: 'Pacific/Apia' }).impossible()).toMatch(
      /clocks skip/,
    );
  });

  it('moves by half an hour where the clocks do', () => {
    const lordHowe = { type: 'cron', expression: '10 2 * * *', timezone: 'Australia/Lord_Howe' };
    expect(runs(lordHowe, '2024-10-05T12:00', 2)).toEqual(['2024-10-05T15:40', '2024-10-06T15:10']);
  });

  it('runs at midnight plus an hour where the clocks skip midnight', () => {
    const saoPaulo = { type: 'cron', expression: '0 0 * * *', timezone: 'America/Sao_Paulo' };
    expect(runs(saoPaulo, '2017-10-14T12:00', 2)).toEqual(['2017-10-15T03:00', '2017-10-16T02:00']);
  });
});

describe('a time that the clocks show twice', () => {
  it('runs in the first pass', () => {
    expect(lisbon('30 1 * * *', AUTUMN, 2)).toEqual(['2024-10-27T00:30', '2024-10-28T01:30']);
  });

  it('runs in the second pass, or in both, when its task says so', () => {
    expect(lisbon('30 1 * * *', AUTUMN, 2, { overlap: 'second' })).toEqual(['2024-10-27T01:30', '2024-10-28T01:30']);
    expect(lisbon('30 1 * * *', AUTUMN, 3, { overlap: 'both' })).toEqual([
      '2024-10-27T00:30',
      '2024-10-27T01:30',
      '2024-10-28T01:30',
    ]);
  });

  it('runs in both passes where the hour is a wildcard, unless its task says otherwise', () => {
    expect(lisbon('30 * * * *', '2024-10-27T00:00', 3)).toEqual([
      '2024-10-27T00:30',
      '2024-10-27T01:30',
      '2024-10-27T02:30',
    ]);
    expect(lisbon('30 * * * *', '2024-10-27T00:00', 2, { overlap: 'first' })).toEqual([
      '2024-10-27T00:30',
      '2024-10-27T02:30',
    ]);
    expect(lisbon('30 * * * *', '2024-10-26T23:00', 3, { overlap: 'second' })).toEqual([
      '2024-10-26T23:30',
      '2024-10-27T01:30',
      '2024-10-27T02:30',
    ]);
  });

  it('is over when its first pass is, asked from inside the second', () => {
    expect(lisbon('30 1 * * *', '2024-10-27T01:10', 1)).toEqual(['2024-10-28T01:30']);
    expect(lisbon('*/15 1 * * *', '2024-10-27T00:50', 1)).toEqual(['2024-10-28T01:00']);
  });

  it('may lie on two days', () => {
    // 1 November 2009 in St John's: 00:01 becomes 23:01 of the day before.
    const stJohns = { type: 'cron', timezone: 'America/St_Johns' };
    expect(runs({ ...stJohns, expression: '30 23 * * *' }, '2009-10-31T12:00', 2)).toEqual([
      '2009-11-01T02:00',
      '2009-11-02T03:00',
    ]);
    expect(runs({ ...stJohns, expression: '30 * * * *' }, '2009-11-01T01:45', 3)).toEqual([
      '2009-11-01T02:00',
      '2009-11-01T03:00',
      '2009-11-01T04:00',
    ]);
    expect(runs({ ...stJohns, expression: '0 0 * * *' }, '2009-11-01T01:45', 2)).toEqual([
      '2009-11-01T02:30',
      '2009-11-02T03:30',
    ]);
  });
});

describe('a change of clocks', () => {
  // A zone keeps its changes in chunks of 2 ** 35 ms; these lie across the ends of chunks.
  it.each([
    ['Europe/Lisbon', '50 1 * * *', '2065-10-24T12:00', ['2065-10-25T00:50', '2065-10-26T01:50']],
    ['Europe/Chisinau', '45 2 * * *', '2065-10-24T12:00', ['2065-10-24T23:45', '2065-10-26T00:45']],
    ['Asia/Beirut', '45 0 * * *', '2083-03-27T22:41', ['2083-03-27T22:45', '2083-03-28T21:45']],
  ])('is seen whole wherever it lies: %s, %s', (timezone, expression, now, expected) => {
    expect(runs({ type: 'cron', expression, timezone }, now, 2)).toEqual(expected);
  });
});

describe('a run that a change of clocks touched', () => {
  it('is marked', () => {
    const cron = (expression: string): Parameters<typeof make>[0] => ({
      type: 'cron',
      expression,
      timezone: 'Europe/Lisbon',
    });
    expect(marks(cron('30 0,1,2 * * *'), '2024-03-31T00:00')).toEqual([
      '2024-03-31T00:30',
      '2024-03-31T01:30 gap',
      '2024-03-31T23:30',
    ]);
    expect(marks(cron('30 0-2 * * *'), '2024-10-26T23:00')).toEqual([
      '2024-10-26T23:30',
      '2024-10-27T00:30 overlap',
      '2024-10-27T02:30',
    ]);
    expect(marks(cron('30 * * * *'), '2024-10-26T23:00').slice(0, 4)).toEqual([
      '2024-10-26T23:30',
      '2024-10-27T00:30 overlap',
      '2024-10-27T01:30 overlap',
      '2024-10-27T02:30',
    ]);
    expect(marks(cron('30 12 * * *'), '2024-03-31T00:00')).toEqual(['2024-03-31T11:30']);
    expect(marks({ ...cron('30 1 * * *'), dst: { gap: 'next' } }, '2024-03-31T00:00')).toEqual([
      '2024-03-31T01:00 gap',
    ]);
  });

  it('is marked in calendar intervals, rules and combinations too', () => {
    const options = { timezone: 'Europe/Lisbon', startAt: '2024-03-01T01:30:00' };
    const marked = ['2024-03-31T01:30 gap'];
    expect(marks({ type: 'calendarInterval', days: 1, ...options }, '2024-03-31T00:00')).toEqual(marked);
    expect(marks({ type: 'rrule', rule: 'FREQ=DAILY', ...options }, '2024-03-31T00:00')).toEqual(marked);
    const cron = { type: 'cron', expression: '30 1 * * *', timezone: 'Europe/Lisbon' };
    expect(marks({ type: 'or', triggers: [cron] }, '2024-03-31T00:00')).toEqual(marked);
    expect(marks({ type: 'and', triggers: [cron, cron] }, '2024-03-31T00:00')).toEqual(marked);
  });
});

describe('an interval', () => {
  it('counts elapsed time through changes of clocks', () => {
    const daily = { type: 'interval', days: 1, startAt: '2024-03-30T09:00:00', timezone: 'Europe/Lisbon' };
    expect(runs(daily, SPRING, 2)).toEqual(['2024-03-31T09:00', '2024-04-01T09:00']);
    const hourly = { type: 'interval', hours: 1, startAt: '2024-10-27T00:30:00', timezone: 'Europe/Lisbon' };
    expect(runs(hourly, '2024-10-26T23:30', 3)).toEqual(['2024-10-26T23:30', '2024-10-27T00:30', '2024-10-27T01:30']);
  });
});
