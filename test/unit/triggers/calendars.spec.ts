import { describe, expect, it } from 'vitest';
import { InvalidOptionError, UnknownNameError, UnknownOptionError } from '../../../lib/errors/input.errors.js';
import { TriggerRegistry } from '../../../lib/triggers/trigger.registry.js';
import type { TriggerData } from '../../../lib/triggers/trigger.interface.js';
import { SearchLimitError } from '../../../lib/errors/trigger.errors.js';
import { at, iso, make, runs, SEED } from './trigger.fixtures.js';

const daily: TriggerData = { type: 'cron', expression: '0 9 * * *' };

function dates(data: TriggerData, now: string, count: number): (string | null)[] {
  return runs(data, now, count).map((run) => run?.slice(5, 10) ?? null);
}

describe('an exclusion calendar', () => {
  it.each([
    ['days', { dates: ['2025-01-02', '2025-01-04'] }, ['01-01', '01-03', '01-05']],
    ['ranges of days', { dates: ['2024-12-24/2025-01-06'] }, ['01-07', '01-08', '01-09']],
    ['weekdays by name', { weekdays: ['sat', 'Sunday'] }, ['01-01', '01-02', '01-03', '01-06']],
    ['weekdays by number', { weekdays: [6, 7] }, ['01-01', '01-02', '01-03', '01-06']],
    ['days of every year', { yearly: ['01-01', '01-06'] }, ['01-02', '01-03', '01-04', '01-05', '01-07']],
    ['ranges of every year', { yearly: ['12-24/01-02'] }, ['01-03', '01-04']],
    [
      'several parts together',
      { weekdays: ['sat', 'sun'], dates: ['2025-01-06'], yearly: ['01-01'] },
      ['01-02', '01-03', '01-07'],
    ],
    [
      'other calendars',
      { weekdays: ['sat'], calendars: [{ weekdays: ['sun'], calendars: [{ yearly: ['01-01'] }] }] },
      ['01-02', '01-03', '01-06'],
    ],
  ])('leaves out %s', (_what, calendar, expected) => {
    expect(dates({ ...daily, calendar }, '2025-01-01T00:00', expected.length)).toEqual(expected);
  });

  it('leaves out windows of the day, from the first time on, up to and without the second', () => {
    const hourly = { type: 'cron', expression: '0 * * * *' };
    expect(runs({ ...hourly, calendar: { times: ['01:00-04:00', '04:30-05:30'] } }, '2025-01-01T00:00', 4)).toEqual([
      '2025-01-01T00:00',
      '2025-01-01T04:00',
      '2025-01-01T06:00',
      '2025-01-01T07:00',
    ]);
    expect(runs({ ...hourly, calendar: { times: ['22:00-06:00'] } }, '2025-01-01T21:00', 2)).toEqual([
      '2025-01-01T21:00',
      '2025-01-02T06:00',
    ]);
    expect(runs({ ...hourly, calendar: { times: ['06:00-24:00'] } }, '2025-01-01T06:00', 1)).toEqual([
      '2025-01-02T00:00',
    ]);
  });

  it('is read in the zone of the trigger, or in its own', () => {
    const tokyo = { ...daily, timezone: 'Asia/Tokyo' };
    expect(runs({ ...tokyo, calendar: { dates: ['2025-01-02'] } }, '2025-01-01T01:00', 1)).toEqual([
      '2025-01-03T00:00',
    ]);
    // 2 January in New York is 05:00 to 05:00 in UTC: 09:00 of the 3rd in Tokyo lies within.
    expect(
      runs({ ...tokyo, calendar: { dates: ['2025-01-02'], timezone: 'America/New_York' } }, '2025-01-01T01:00', 2),
    ).toEqual(['2025-01-02T00:00', '2025-01-04T00:00']);
  });

  it('keeps to the wall clock through changes of clocks', () => {
    const data = {
      type: 'cron',
      expression: '*/30 * * * *',
      timezone: 'Europe/Lisbon',
      calendar: { times: ['00:00-03:00'] },
    };
    expect(runs(data, '2024-03-31T00:00', 1)).toEqual(['2024-03-31T02:00']);
    expect(runs(data, '2024-10-26T23:00', 1)).toEqual(['2024-10-27T03:00']);
  });

  it('leaves intervals on their grid', () => {
    const data = { type: 'interval', hours: 7, startAt: '2025-01-03', calendar: { weekdays: ['sat', 'sun'] } };
    expect(runs(data, '2025-01-03T20:00', 2)).toEqual(['2025-01-03T21:00', '2025-01-06T05:00']);
    const trigger = make(data);
    expect(iso(trigger.nextTime(at('2025-01-03T21:00'), 0))).toBe('2025-01-06T05:00');
  });

  it('counts what a walk counts', () => {
    const calendar = {
      weekdays: ['sat', 'sun'],
      times: ['22:00-06:00', '12:00-12:30'],
      yearly: ['12-25'],
      dates: ['2024-03-31'],
    };
    for (const data of [
      { type: 'cron', expression: '*/15 * * * *', timezone: 'Europe/Lisbon', calendar },
      { type: 'interval', minutes: 7, startAt: '2024-01-01', timezone: 'Europe/Lisbon', calendar },
    ]) {
      const trigger = make(data);
      const [from, now] = [at('2024-03-01T10:00'), at('2024-11-03T10:00')];
      const first = trigger.nextOccurrence(null, from, SEED)!;
      let walked = 0;
      for (
        let next: typeof first | null = first;
        next !== null && next.runTime <= now;
        next = trigger.nextOccurrence(next.scheduledTime, now, SEED)
      )
        walked += 1;
      const caughtUp = trigger.catchUp(first, now, SEED);
      expect(caughtUp.count).toBe(walked);
      expect(caughtUp.next).toEqual(trigger.nextOccurrence(caughtUp.latest!.scheduledTime, now, SEED));
    }
  });

  it('makes a trigger impossible where it excludes all of its times', () => {
    const trigger = make({ type: 'cron', expression: '0 9 * * sun', calendar: { weekdays: ['sun'] } });
    // Whether a far Sunday is free is not known, so it is not said that there are no more.
    expect(() => trigger.nextTime(null, at('2025-01-01T00:00'))).toThrow(SearchLimitError);
    expect(trigger.impossible()).toMatch(/finds no time of it that its calendar does not exclude/);
    const all = { weekdays: ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'] };
    for (const calendar of [all, { yearly: ['01-01/12-31'] }, { times: ['00:00-12:00', '11:00-24:00'] }]) {
      const never = make({ type: 'cron', expression: '0 9 * * sun', calendar });
      expect(never.nextTime(null, at('2025-01-01T00:00'))).toBeNull();
      expect(never.impossible()).toBe('its calendar excludes all of its times');
    }
    // A year without a day of work ends nothing.
    expect(
      runs(
        { type: 'cron', expression: '0 9 * * *', calendar: { dates: ['2025-01-01/2045-06-30'] } },
        '2025-01-01T00:00',
        1,
      ),
    ).toEqual(['2045-07-01T09:00']);
    expect(make({ ...daily, calendar: { weekdays: [0, 1, 2, 3, 4, 5, 6] } }).impossible()).toMatch(/excludes all/);
    const never = [{ weekdays: [0, 1, 2, 3, 4, 5, 6] }, { weekdays: ['sun'] }];
    expect(make({ ...daily, timezone: 'Europe/Lisbon', calendar: never }).impossible()).toMatch(/excludes all/);
    const window = { startAt: '2025-01-04', endAt: '2025-01-04T12:00:00Z' };
    expect(make({ ...daily, calendar: { weekdays: ['sat'] }, ...window }).impossible()).toMatch(
      /between its startAt and/,
    );
  });

  it.each([
    [{ dates: ['2025-02-30'] }],
    [{ dates: ['2025-1-1'] }],
    [{ dates: ['2025-01-02/2025-01-01'] }],
    [{ dates: ['2025-01-01/2025-01-02/2025-01-03'] }],
    [{ dates: '2025-01-01' }],
    [{ weekdays: ['su'] }],
    [{ weekdays: [8] }],
    [{ yearly: ['02-30'] }],
    [{ yearly: ['13-01'] }],
    [{ times: ['22:00'] }],
    [{ times: ['22:00-22:00'] }],
    [{ times: ['25:00-26:00'] }],
    [{ timezone: 'Mars/Olympus' }],
    [5],
    [{ calendars: 'other' }],
  ])('refuses %j', (calendar) => {
    expect(() => make({ ...daily, calendar })).toThrow(InvalidOptionError);
  });

  it('refuses what it does not know', () => {
    expect(() => make({ ...daily, calendar: { weekday: ['sat'] } })).toThrow(UnknownOptionError);
    expect(() => make({ ...daily, calendar: 'holidays' })).toThrow(UnknownNameError);
    expect(() => make({ ...daily, calendar: {}, onExcluded: 'later' })).toThrow(/"skip", "next" or "previous"/);
    expect(() => make({ ...daily, onExcluded: 'next' })).toThrow(/nothing without a calendar/);
  });
});

describe('a named calendar', () => {
  const creation = { now: at('2025-01-01T00:00'), timezone: 'UTC' };

  it('is used by name, alone or with others, and stored by name', () => {
    const registry = new TriggerRegistry()
      .registerCalendar('weekends', { weekdays: ['sat', 'sun'] })
      .registerCalendar('holidays', { yearly: ['01-01'], calendars: ['weekends'] });
    const trigger = registry.create({ ...daily, calendar: 'holidays' }, creation);
    expect(iso(trigger.nextTime(null, at('2025-01-01T00:00')))).toBe('2025-01-02T09:00');
    expect(iso(trigger.nextTime(at('2025-01-03T09:00'), 0))).toBe('2025-01-06T09:00');
    expect(trigger.toJSON()).toMatchObject({ calendar: 'holidays', onExcluded: 'skip' });
    const several = registry.create({ ...daily, calendar: ['weekends', { dates: ['2025-01-06'] }] }, creation);
    expect(iso(several.nextTime(at('2025-01-03T09:00'), 0))).toBe('2025-01-07T09:00');
  });

  it('may be registered anew, and triggers follow at once', () => {
    const registry = new TriggerRegistry().registerCalendar('holidays', { dates: ['2025-01-01'] });
    const trigger = registry.create({ ...daily, calendar: 'holidays' }, creation);
    expect(iso(trigger.nextTime(null, at('2025-01-01T00:00')))).toBe('2025-01-02T09:00');
    registry.registerCalendar('holidays', { dates: ['2025-01-01', '2025-01-02'] });
    expect(iso(trigger.nextTime(null, at('2025-01-01T00:00')))).toBe('2025-01-03T09:00');
  });

  it('may not name itself in a circle, or one that is not there', () => {
    const registry = new TriggerRegistry()
      .registerCalendar('a', { weekdays: ['sat'] })
      .registerCalendar('b', { calendars: ['a'] });
    expect(() => registry.registerCalendar('a', { calendars: ['b'] })).toThrow(/in a circle/);
    expect(() => registry.registerCalendar('c', { calendars: ['nope'] })).toThrow(UnknownNameError);
    expect(() => registry.create({ ...daily, calendar: 'c' }, creation)).toThrow(
      /Unknown calendar "c". Known: "a" or "b"/,
    );
    expect(() => registry.registerCalendar('', {})).toThrow(InvalidOptionError);
    // What was there before a refused change still is.
    expect(iso(registry.create({ ...daily, calendar: 'b' }, creation).nextTime(at('2025-01-03T09:00'), 0))).toBe(
      '2025-01-05T09:00',
    );
  });
});

describe('a run on an excluded day', () => {
  const monthly: TriggerData = { type: 'cron', expression: '0 9 1 * *', calendar: { weekdays: ['sat', 'sun'] } };

  it('moves to the next or to the previous day that is free', () => {
    // 1 February and 1 March 2025 are Saturdays, 1 June is a Sunday.
    expect(dates({ ...monthly, onExcluded: 'next' }, '2025-01-01T00:00', 6)).toEqual([
      '01-01',
      '02-03',
      '03-03',
      '04-01',
      '05-01',
      '06-02',
    ]);
    expect(dates({ ...monthly, onExcluded: 'previous' }, '2025-01-01T00:00', 6)).toEqual([
      '01-01',
      '01-31',
      '02-28',
      '04-01',
      '05-01',
      '05-30',
    ]);
  });

  it('keeps its time of the grid, its time of day, and the name of the calendar', () => {
    const trigger = new TriggerRegistry()
      .registerCalendar('weekends', { weekdays: ['sat', 'sun'] })
      .create(
        { ...monthly, calendar: 'weekends', onExcluded: 'next', timezone: 'Europe/Lisbon' },
        { now: 0, timezone: 'UTC' },
      );
    expect(trigger.nextOccurrence(null, at('2025-05-15T00:00'), SEED)).toEqual({
      scheduledTime: at('2025-06-01T08:00'),
      runTime: at('2025-06-02T08:00'),
      movedByCalendar: 'weekends',
    });
    expect(iso(trigger.nextTime(null, at('2025-05-15T00:00')))).toBe('2025-06-01T08:00');
  });

  it('runs once where several are moved to the same day', () => {
    const data = { ...daily, calendar: { weekdays: ['sat', 'sun'] } };
    expect(dates({ ...data, onExcluded: 'next' }, '2025-01-02T00:00', 5)).toEqual([
      '01-02',
      '01-03',
      '01-06',
      '01-07',
      '01-08',
    ]);
    expect(dates({ ...data, onExcluded: 'previous' }, '2025-01-02T00:00', 5)).toEqual([
      '01-02',
      '01-03',
      '01-06',
      '01-07',
      '01-08',
    ]);
    const hourly = {
      type: 'cron',
      expression: '0 * * * *',
      calendar: { weekdays: ['sat', 'sun'] },
      onExcluded: 'next',
    };
    expect(runs(hourly, '2025-01-03T22:30', 3)).toEqual(['2025-01-03T23:00', '2025-01-06T00:00', '2025-01-06T01:00']);
  });

  it('never moves into the past, and never out of the bounds', () => {
    // 2 February 2025 is a Sunday: asked on it, Friday is over.
    expect(
      dates({ ...daily, calendar: { weekdays: ['sat', 'sun'] }, onExcluded: 'previous' }, '2025-02-02T00:00', 1),
    ).toEqual(['02-03']);
    expect(dates({ ...monthly, onExcluded: 'next', endAt: '2025-02-02' }, '2025-01-02T00:00', 1)).toEqual([null]);
    expect(dates({ ...monthly, onExcluded: 'previous', startAt: '2025-02-01' }, '2025-01-02T00:00', 1)).toEqual([
      '02-28',
    ]);
  });

  it('moves a date that is given, in either direction', () => {
    const data = { type: 'date', runAt: '2025-02-01T09:00:00Z', calendar: { weekdays: ['sat', 'sun'] } };
    expect(runs({ ...data, onExcluded: 'next' }, '2025-01-01T00:00')).toEqual(['2025-02-03T09:00', null]);
    expect(runs({ ...data, onExcluded: 'previous' }, '2025-01-01T00:00')).toEqual(['2025-01-31T09:00', null]);
    expect(runs(data, '2025-01-01T00:00')).toEqual([null]);
  });

  it('is caught up by where it was moved to', () => {
    const trigger = make({ ...monthly, onExcluded: 'next' });
    const first = trigger.nextOccurrence(null, at('2025-01-02T00:00'), SEED)!;
    const caughtUp = trigger.catchUp(first, at('2025-03-02T00:00'), SEED);
    expect(caughtUp).toMatchObject({
      count: 1,
      latest: { runTime: at('2025-02-03T09:00') },
      next: { runTime: at('2025-03-03T09:00') },
    });
  });
});
