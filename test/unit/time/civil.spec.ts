import { describe, expect, it } from 'vitest';
import {
  civilFromDays,
  DAY_MS,
  dayOf,
  daysFromCivil,
  daysInMonth,
  isLeapYear,
  isoWeekOf,
  monthOf,
  weekdayOf,
  yearOf,
} from '../../../lib/time/civil.js';

describe('civil dates', () => {
  it('agree with Date on every day from 1970 to 2200', () => {
    const last = Date.UTC(2200, 11, 31) / DAY_MS;
    for (let days = 0; days <= last; days += 1) {
      const date = new Date(days * DAY_MS);
      const packed = civilFromDays(days);
      if (
        yearOf(packed) !== date.getUTCFullYear() ||
        monthOf(packed) !== date.getUTCMonth() + 1 ||
        dayOf(packed) !== date.getUTCDate() ||
        weekdayOf(days) !== date.getUTCDay() ||
        daysFromCivil(yearOf(packed), monthOf(packed), dayOf(packed)) !== days
      ) {
        expect.unreachable(`day ${days} is ${date.toISOString()}`);
      }
    }
    expect(last).toBe(84_370);
  });

  it('go back before 1970 and on to the year 9999', () => {
    for (const [year, month, day] of [
      [1969, 12, 31],
      [1900, 2, 28],
      [1600, 2, 29],
      [2400, 2, 29],
      [9999, 12, 31],
    ] as const) {
      const days = daysFromCivil(year, month, day);
      expect(days * DAY_MS).toBe(Date.UTC(year, month - 1, day));
      const packed = civilFromDays(days);
      expect([yearOf(packed), monthOf(packed), dayOf(packed)]).toEqual([year, month, day]);
      expect(weekdayOf(days)).toBe(new Date(days * DAY_MS).getUTCDay());
    }
  });

  it('know leap years by the rule of 400', () => {
    expect([1970, 2000, 2024, 2100, 2200, 2400].map(isLeapYear)).toEqual([false, true, true, false, false, true]);
    expect(daysInMonth(2100, 2)).toBe(28);
    expect(daysInMonth(2000, 2)).toBe(29);
    expect(daysInMonth(2025, 4)).toBe(30);
  });

  it('give the ISO week that has the Thursday', () => {
    const week = (year: number, month: number, day: number): number => isoWeekOf(daysFromCivil(year, month, day));
    // From the examples of ISO 8601: the first days of a year may be of the last week of the year before, and around.
    expect(week(2005, 1, 1)).toBe(53);
    expect(week(2005, 1, 2)).toBe(53);
    expect(week(2005, 12, 31)).toBe(52);
    expect(week(2007, 1, 1)).toBe(1);
    expect(week(2007, 12, 31)).toBe(1);
    expect(week(2008, 12, 28)).toBe(52);
    expect(week(2008, 12, 29)).toBe(1);
    expect(week(2009, 12, 31)).toBe(53);
    expect(week(2010, 1, 3)).toBe(53);
    expect(week(2020, 12, 31)).toBe(53);
    expect(week(2021, 1, 4)).toBe(1);
  });
});
