import {
  civilFromDays,
  dayOf,
  daysFromCivil,
  daysInMonth,
  isoWeekOf,
  MAX_YEAR,
  monthOf,
  weekdayOf,
  yearOf,
} from '../../time/civil.js';
import { countPairs } from '../wall-clock/local-grid.js';
import type { LocalGrid } from '../wall-clock/local-grid.js';
import { TimesOfDay } from '../wall-clock/time-of-day.js';
import { nextTable, NONE } from '../wall-clock/value.tables.js';
import type { NextTable } from '../wall-clock/value.tables.js';
import { spend } from '../search-budget.js';
import type { CronFieldName, CronItem, CronSchedule } from './cron.fields.js';
import { specialDays } from './cron.special-days.js';
import { countBits, dayMaskOf, isSpecial, lowestBit, resolveValues, weekdayMasksOf } from './cron.tables.js';

const DAY_SECONDS = 86_400;

/**
 * How many years a search looks ahead. The Gregorian calendar repeats after 400 years, weekdays included, so a date that
 * does not come in 400 years never comes: a search looks at 4,800 months at the most. Where years are named it ends with
 * the last of them.
 */
const SEARCH_YEARS = 400;

/**
 * A cron schedule made ready for asking, on the wall clock: it knows no zone. Times are whole seconds that the wall clock
 * would have in UTC.
 *
 * Days are masks, bit 0 for the first of the month, so that a month is looked through in a few instructions.
 */
export class CronPattern implements LocalGrid {
  readonly #times: TimesOfDay;
  readonly #months: NextTable;
  readonly #years: NextTable | null;
  /** The masks of the months that begin on each weekday, for schedules without special days or weeks. */
  readonly #plainDays: Int32Array | null;
  readonly #dayMask: number;
  readonly #weekdayMasks: Int32Array;
  readonly #specialDays: readonly CronItem[];
  readonly #specialWeekdays: readonly CronItem[];
  readonly #combine: 'day' | 'weekday' | 'and' | 'or';
  readonly #weeks: Uint8Array | null;
  /** What the look at a month costs: the days of weeks are looked at one by one, plain days are in a table. */
  readonly #stepsPerMonth: number;
  // The month that was looked at last: most questions follow each other closely.
  #monthKey = NaN;
  #monthMask = 0;
  #monthStart = 0;

  /** @param taskId Chooses the values of `H`. */
  constructor({ fields, dayMatch }: CronSchedule, taskId: string) {
    const values = (name: CronFieldName): Uint8Array => resolveValues(fields[name], name, taskId);
    this.#times = new TimesOfDay(values('hour'), values('minute'), values('second'));
    this.#months = nextTable(values('month'));
    this.#years = fields.year.any ? null : nextTable(values('year'));
    this.#weeks = fields.week.any ? null : values('week');
    this.#dayMask = dayMaskOf(values('day'));
    this.#weekdayMasks = weekdayMasksOf(values('dayOfWeek'));
    this.#specialDays = fields.day.items.filter(isSpecial);
    this.#specialWeekdays = fields.dayOfWeek.items.filter(isSpecial);
    if (dayMatch === 'and') this.#combine = 'and';
    else if (fields.dayOfWeek.any) this.#combine = 'day';
    else this.#combine = fields.day.any ? 'weekday' : 'or';
    const plain = this.#specialDays.length === 0 && this.#specialWeekdays.length === 0 && this.#weeks === null;
    this.#stepsPerMonth = stepsPerMonth(this.#weeks, this.#specialDays.length + this.#specialWeekdays.length);
    this.#plainDays = plain ? this.#weekdayMasks.map((weekdays) => this.#combineMasks(this.#dayMask, weekdays)) : null;
  }

  /** The last year in which a search that starts in `year` has to look. */
  lastYear(year: number): number {
    return this.#years === null ? Math.min(year + SEARCH_YEARS, MAX_YEAR) : MAX_YEAR;
  }

  /**
   * The first time of the schedule at or after a time; `Infinity` when there is none.
   *
   * @param lastYear The last year that is looked at.
   */
  next(time: number, lastYear: number): number {
    const days = Math.floor(time / DAY_SECONDS);
    const date = civilFromDays(days);
    const year = yearOf(date);
    const month = monthOf(date);
    const day = dayOf(date);
    const mask = this.#maskOf(year, month);
    spend();
    if (mask & (1 << (day - 1))) {
      const found = this.#times.next(time - days * DAY_SECONDS);
      if (found !== NONE) return days * DAY_SECONDS + found;
    }
    const rest = mask & (-1 << day);
    if (rest !== 0) return (days - day + 1 + lowestBit(rest)) * DAY_SECONDS + this.#times.first;
    const start = this.#firstDayFrom(year, month + 1, lastYear);
    return start === Infinity ? Infinity : start * DAY_SECONDS + this.#times.first;
  }

  /** Whether a time is one of the schedule. */
  matches(time: number): boolean {
    return this.next(time, MAX_YEAR) === time;
  }

  /** How many times of the schedule lie from `from` up to and without `to`: by multiplying, whatever the span. */
  count(from: number, to: number): number {
    if (to <= from) return 0;
    const firstDay = Math.floor(from / DAY_SECONDS);
    const lastDay = Math.floor(to / DAY_SECONDS);
    const before = this.#hasDay(firstDay) ? this.#times.countBefore(from - firstDay * DAY_SECONDS) : 0;
    const after = this.#hasDay(lastDay) ? this.#times.countBefore(to - lastDay * DAY_SECONDS) : 0;
    return this.#countDays(firstDay, lastDay - 1) * this.#times.size - before + after;
  }

  countBoth(from: number, to: number, shift: number): number {
    return countPairs(this, from, to, shift, true);
  }

  #hasDay(days: number): boolean {
    const date = civilFromDays(days);
    return (this.#maskOf(yearOf(date), monthOf(date)) & (1 << (dayOf(date) - 1))) !== 0;
  }

  /** How many days of the schedule lie from one day to another, both included. */
  #countDays(from: number, to: number): number {
    if (to < from) return 0;
    const first = civilFromDays(from);
    const last = civilFromDays(to);
    let year = yearOf(first);
    let month = monthOf(first);
    let count = -countBits(this.#maskOf(year, month) & ((1 << (dayOf(first) - 1)) - 1));
    while (year < yearOf(last) || (year === yearOf(last) && month < monthOf(last))) {
      spend(this.#stepsPerMonth);
      count += countBits(this.#maskOf(year, month));
      month += 1;
      if (month === 13) {
        month = 1;
        year += 1;
      }
    }
    const upTo = dayOf(last) === 31 ? -1 : (1 << dayOf(last)) - 1;
    return count + countBits(this.#maskOf(year, month) & upTo);
  }

  /** The first day of the schedule in a month or after it, as a day number; `month` may be 13. */
  #firstDayFrom(fromYear: number, fromMonth: number, lastYear: number): number {
    let year = fromYear;
    let month = fromMonth > 12 ? NONE : this.#months[fromMonth]!;
    for (;;) {
      spend(this.#stepsPerMonth);
      if (month === NONE) {
        year += 1;
        month = this.#months[0]!;
      }
      if (this.#years !== null) {
        const wanted = year > MAX_YEAR ? NONE : this.#years[Math.max(year, 0)]!;
        if (wanted === NONE) return Infinity;
        if (wanted !== year) {
          year = wanted;
          month = this.#months[0]!;
        }
      }
      if (year > lastYear) return Infinity;
      const mask = this.#maskOf(year, month);
      if (mask !== 0) return this.#monthStart + lowestBit(mask);
      month = this.#months[month + 1]!;
    }
  }

  /** The days of a month; 0 when the year or the month is not of the schedule. */
  #maskOf(year: number, month: number): number {
    const key = year * 16 + month;
    if (key === this.#monthKey) return this.#monthMask;
    const start = daysFromCivil(year, month, 1);
    this.#monthKey = key;
    this.#monthStart = start;
    this.#monthMask = this.#computeMask(year, month, start);
    return this.#monthMask;
  }

  #computeMask(year: number, month: number, start: number): number {
    if (this.#months[month] !== month) return 0;
    if (year > MAX_YEAR || (this.#years !== null && (year < 0 || this.#years[year] !== year))) return 0;
    const length = daysInMonth(year, month);
    const inMonth = 0x7fffffff >>> (31 - length);
    const weekday = weekdayOf(start);
    if (this.#plainDays !== null) return this.#plainDays[weekday]! & inMonth;
    const days = this.#dayMask | specialDays(this.#specialDays, weekday, length);
    const weekdays = this.#weekdayMasks[weekday]! | specialDays(this.#specialWeekdays, weekday, length);
    return this.#combineMasks(days, weekdays) & inMonth & this.#weekMask(start, length);
  }

  #combineMasks(days: number, weekdays: number): number {
    switch (this.#combine) {
      case 'day':
        return days;
      case 'weekday':
        return weekdays;
      case 'and':
        return days & weekdays;
      case 'or':
        return days | weekdays;
    }
  }

  #weekMask(start: number, length: number): number {
    if (this.#weeks === null) return -1;
    let mask = 0;
    for (let day = 0; day < length; day += 1) if (this.#weeks[isoWeekOf(start + day)] === 1) mask |= 1 << day;
    return mask;
  }
}

function stepsPerMonth(weeks: Uint8Array | null, specialItems: number): number {
  if (weeks !== null) return 3;
  return specialItems === 0 ? 0.1 : 0.5 + specialItems / 4;
}
