import { describe, expect, it } from 'vitest';
import { InvalidOptionError } from '../../../lib/errors/input.errors.js';
import { at, make, runs, SEED } from './trigger.fixtures.js';

describe('a calendar interval', () => {
  it('adds months to its first date, and keeps the day within the month', () => {
    const data = { type: 'calendarInterval', months: 1, startAt: '2024-01-31T09:00:00' };
    expect(runs(data, '2024-01-01T00:00', 6)).toEqual([
      '2024-01-31T09:00',
      '2024-02-29T09:00',
      '2024-03-31T09:00',
      '2024-04-30T09:00',
      '2024-05-31T09:00',
      '2024-06-30T09:00',
    ]);
  });

  it('adds years to 29 February', () => {
    const data = { type: 'calendarInterval', years: 1, startAt: '2024-02-29T09:00:00' };
    expect(runs(data, '2027-01-01T00:00', 3)).toEqual(['2027-02-28T09:00', '2028-02-29T09:00', '2029-02-28T09:00']);
  });

  it('keeps its time of day through changes of clocks', () => {
    const data = { type: 'calendarInterval', days: 1, at: '09:30', startAt: '2024-03-30', timezone: 'Europe/Lisbon' };
    expect(runs(data, '2024-03-30T00:00', 2)).toEqual(['2024-03-30T09:30', '2024-03-31T08:30']);
  });

  it('counts weeks and days from the first date', () => {
    const data = { type: 'calendarInterval', weeks: 2, at: '06:00:30', startAt: '2025-01-01' };
    expect(runs(data, '2025-01-20T00:00', 2)).toEqual(['2025-01-29T06:00:30', '2025-02-12T06:00:30']);
    expect(
      runs({ type: 'calendarInterval', months: 1, days: 1, startAt: '2025-01-31' }, '2025-02-01T00:00', 3),
    ).toEqual(['2025-03-01T00:00', '2025-04-02T00:00', '2025-05-03T00:00']);
  });

  it('is counted from the day of creation where no start is given, and not before it', () => {
    expect(runs({ type: 'calendarInterval', months: 1, at: '09:00' }, '2025-01-15T12:00', 2)).toEqual([
      '2025-02-15T09:00',
      '2025-03-15T09:00',
    ]);
    expect(runs({ type: 'calendarInterval', days: 1, at: '15:00' }, '2025-01-15T12:00', 1)).toEqual([
      '2025-01-15T15:00',
    ]);
    const stored = make({ type: 'calendarInterval', months: 1, at: '09:00' }, '2025-01-15T12:00', 'Asia/Tokyo');
    expect(stored.toJSON()).toEqual({
      type: 'calendarInterval',
      months: 1,
      at: '09:00',
      timezone: 'Asia/Tokyo',
      startAt: '2025-01-14T15:00:00.000Z',
    });
  });

  it('has whole seconds, even where its start does not', () => {
    const data = { type: 'calendarInterval', days: 1, startAt: '2025-01-01T09:00:00.500Z' };
    expect(runs(data, '2024-12-31T00:00', 1)).toEqual(['2025-01-01T09:00']);
  });

  it('counts what a walk counts', () => {
    for (const units of [{ days: 1 }, { days: 3 }, { weeks: 1 }, { months: 1 }, { months: 5, days: 3 }, { years: 1 }]) {
      const trigger = make({
        type: 'calendarInterval',
        ...units,
        at: '01:30',
        startAt: '2011-01-31',
        timezone: 'Pacific/Apia',
      });
      const [from, to] = [at('2011-03-05T00:00'), at('2031-03-05T00:00')];
      let walked = 0;
      for (
        let next = trigger.timeFrom(from, SEED);
        next !== null && next <= to;
        next = trigger.timeFrom(next + 1, SEED)
      )
        walked += 1;
      expect(trigger.countBetween(from, to, SEED)).toBe(walked);
    }
  });

  it.each([
    {},
    { days: 0 },
    { months: -1 },
    { days: 1.5 },
    { days: 1, at: '24:00' },
    { days: 1, at: 'noon' },
    { days: 1, at: 9 },
    { days: 1e9 },
  ])('refuses %j', (options) => {
    expect(() => make({ type: 'calendarInterval', ...options })).toThrow(InvalidOptionError);
  });
});
