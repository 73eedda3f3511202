import { civilFromDays, dayOf, daysFromCivil, daysInMonth, MAX_YEAR, monthOf, yearOf } from '../../time/civil.js';
import { spend } from '../search-budget.js';
import { countPairs } from './local-grid.js';
import type { LocalGrid } from './local-grid.js';

const DAY_SECONDS = 86_400;

/** The mean length of a month, in days (400 years have 146,097 days and 4,800 months): a first guess to step from. */
const MEAN_MONTH_DAYS = 146_097 / 4_800;

/**
 * Dates that are counted from a first one, by months and days, at a time of day. The months are added first and the day is
 * kept within the month, each time anew from the first date, so that a short month shortens no later one.
 */
export class CalendarGrid implements LocalGrid {
  /**
   * @param firstDay The first date, in days since 1970-01-01.
   * @param at The time of day, in seconds since midnight.
   */
  constructor(
    private readonly firstDay: number,
    private readonly at: number,
    private readonly months: number,
    private readonly days: number,
  ) {}

  next(time: number): number {
    const found = this.#timeAt(this.#indexFrom(time));
    return yearOf(civilFromDays(Math.floor(found / DAY_SECONDS))) > MAX_YEAR ? Infinity : found;
  }

  matches(time: number): boolean {
    return this.next(time) === time;
  }

  count(from: number, to: number): number {
    return to <= from ? 0 : this.#indexFrom(to) - this.#indexFrom(from);
  }

  countBoth(from: number, to: number, shift: number): number {
    return countPairs(this, from, to, shift, true);
  }

  lastYear(): number {
    return MAX_YEAR;
  }

  /** The index of the first time at or after a time. */
  #indexFrom(time: number): number {
    const days = Math.floor(time / DAY_SECONDS) - this.firstDay;
    // Two before the mean is always before it: no run of short months makes up for more.
    let index = Math.max(0, Math.floor(days / (this.months * MEAN_MONTH_DAYS + this.days)) - 2);
    while (this.#timeAt(index) < time) {
      spend();
      index += 1;
    }
    return index;
  }

  #timeAt(index: number): number {
    const first = civilFromDays(this.firstDay);
    const months = yearOf(first) * 12 + monthOf(first) - 1 + index * this.months;
    const year = Math.floor(months / 12);
    const month = months - year * 12 + 1;
    const day = daysFromCivil(year, month, Math.min(dayOf(first), daysInMonth(year, month)));
    return (day + index * this.days) * DAY_SECONDS + this.at;
  }
}
