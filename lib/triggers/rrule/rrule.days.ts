import {
  civilFromDays,
  daysFromCivil,
  daysInMonth,
  isLeapYear,
  MAX_YEAR,
  weekdayOf,
  yearOf,
} from '../../time/civil.js';
import { spend } from '../search-budget.js';
import { nextTable } from '../wall-clock/value.tables.js';
import type { NextTable } from '../wall-clock/value.tables.js';

/** Which days a rule has. A part that it does not have is null. */
export interface DayRules {
  readonly months: ReadonlySet<number> | null;
  /** Negative ones count from the end of the month. */
  readonly monthDays: ReadonlySet<number> | null;
  /** Negative ones count from the end of the year. */
  readonly yearDays: ReadonlySet<number> | null;
  /** Negative ones count from the last week of the year. */
  readonly weeks: ReadonlySet<number> | null;
  /** By weekday, 0 for Sunday: null for all such days, or which of the month or the year, negative ones from its end. */
  readonly weekdays: ReadonlyMap<number, ReadonlySet<number> | null> | null;
  /** Whether numbered weekdays are counted in the month; else in the year. */
  readonly countedInMonth: boolean;
  /** The weekday on which weeks start. */
  readonly weekStart: number;
}

/** The days of a year by their numbers in it, from 0 for the first of January. */
export interface DaysOfYear {
  readonly days: readonly number[];
  /** For each number the first one of `days` that is not below it. */
  readonly next: NextTable;
}

/** What the days of one year cost to work out, in steps. */
const STEPS = 60;

/**
 * The days that a rule has in each year. Two years of the same length that begin on the same weekday, and whose years before have
 * the same length, have the same days: so there are 28 kinds of year, each worked out once.
 */
export class RuleDays {
  readonly #kinds = new Map<number, DaysOfYear>();

  constructor(private readonly rules: DayRules) {}

  ofYear(year: number): DaysOfYear {
    const weekday = weekdayOf(daysFromCivil(year, 1, 1));
    const kind = weekday * 4 + (isLeapYear(year) ? 2 : 0) + (isLeapYear(year - 1) ? 1 : 0);
    let found = this.#kinds.get(kind);
    if (!found) {
      spend(STEPS);
      found = this.#find(year);
      this.#kinds.set(kind, found);
    }
    return found;
  }

  /** The first day of the rule at or after a day; `Infinity` when there is none. Days are counted from 1970-01-01. */
  next(day: number): number {
    let year = yearOf(civilFromDays(day));
    if (year > MAX_YEAR) return Infinity;
    let start = daysFromCivil(year, 1, 1);
    let found = this.ofYear(year).next[day - start]!;
    while (found < 0) {
      spend();
      year += 1;
      if (year > MAX_YEAR) return Infinity;
      start = daysFromCivil(year, 1, 1);
      found = this.ofYear(year).next[0]!;
    }
    return start + found;
  }

  #find(year: number): DaysOfYear {
    const first = daysFromCivil(year, 1, 1);
    const length = isLeapYear(year) ? 366 : 365;
    const has = new Uint8Array(366);
    let monthStart = 0;
    for (let month = 1; month <= 12; month += 1) {
      const monthLength = daysInMonth(year, month);
      for (let day = 1; day <= monthLength; day += 1) {
        const ofYear = monthStart + day;
        if (
          fits(this.rules.monthDays, day, monthLength) &&
          fits(this.rules.yearDays, ofYear, length) &&
          (this.rules.months === null || this.rules.months.has(month)) &&
          this.#fitsWeekday(first + ofYear - 1, day, monthLength, ofYear, length) &&
          this.#fitsWeek(first + ofYear - 1)
        ) {
          has[ofYear - 1] = 1;
        }
      }
      monthStart += monthLength;
    }
    return { days: [...has.keys()].filter((day) => has[day] === 1), next: nextTable(has) };
  }

  #fitsWeekday(date: number, day: number, monthLength: number, ofYear: number, length: number): boolean {
    const { weekdays, countedInMonth } = this.rules;
    if (weekdays === null) return true;
    const numbers = weekdays.get(weekdayOf(date));
    if (numbers === undefined || numbers === null) return numbers === null;
    const [place, last] = countedInMonth ? [day, monthLength] : [ofYear, length];
    return numbers.has(Math.ceil(place / 7)) || numbers.has(-Math.ceil((last - place + 1) / 7));
  }

  #fitsWeek(date: number): boolean {
    const { weeks, weekStart } = this.rules;
    if (weeks === null) return true;
    // A week belongs to the year that has most of it: that of its fourth day.
    const middle = date - ((weekdayOf(date) - weekStart + 7) % 7) + 3;
    const year = yearOf(civilFromDays(middle));
    const yearStart = daysFromCivil(year, 1, 1);
    const number = Math.floor((middle - yearStart) / 7) + 1;
    if (weeks.has(number)) return true;
    const yearEnd = daysFromCivil(year + 1, 1, 1);
    return weeks.has(-Math.ceil((yearEnd - middle) / 7));
  }
}

/** Whether a number of 1 to `last`, or the same counted from the end, is one of a set; all are without one. */
function fits(numbers: ReadonlySet<number> | null, number: number, last: number): boolean {
  return numbers === null || numbers.has(number) || numbers.has(number - last - 1);
}
