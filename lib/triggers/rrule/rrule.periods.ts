import { civilFromDays, daysFromCivil, daysInMonth, monthOf, weekdayOf, yearOf } from '../../time/civil.js';
import { spend } from '../search-budget.js';
import type { TimesOfDay } from '../wall-clock/time-of-day.js';
import { NONE } from '../wall-clock/value.tables.js';
import type { RuleDays } from './rrule.days.js';
import { Instances } from './rrule.instances.js';

const DAY_SECONDS = 86_400;

/**
 * The periods that a rule is made of: years, months, weeks, days, hours, minutes or seconds, each with a number that is one
 * more than that of the period before. Times are wall-clock seconds.
 */
export interface Periods {
  /** The number of the period that has a time. */
  indexOf(time: number): number;
  /** The first period from `index` on that may have times; `Infinity` when there is none. */
  skip(index: number): number;
  /** The times of a period. */
  instances(index: number): Instances;
}

/** Years. */
export class Years implements Periods {
  constructor(
    private readonly days: RuleDays,
    private readonly times: TimesOfDay,
  ) {}

  indexOf(time: number): number {
    return yearOf(civilFromDays(Math.floor(time / DAY_SECONDS)));
  }

  skip(index: number): number {
    return firstFrom(this.days, daysFromCivil(index, 1, 1), (day) => yearOf(civilFromDays(day)));
  }

  instances(index: number): Instances {
    const start = daysFromCivil(index, 1, 1);
    return daysAndTimes(this.days, start, daysFromCivil(index + 1, 1, 1), this.times);
  }
}

/** Months, counted from that of year 0. */
export class Months implements Periods {
  constructor(
    private readonly days: RuleDays,
    private readonly times: TimesOfDay,
  ) {}

  indexOf(time: number): number {
    return monthIndex(Math.floor(time / DAY_SECONDS));
  }

  skip(index: number): number {
    return firstFrom(this.days, monthStart(index), monthIndex);
  }

  instances(index: number): Instances {
    const start = monthStart(index);
    const length = daysInMonth(Math.floor(index / 12), (index % 12) + 1);
    return daysAndTimes(this.days, start, start + length, this.times);
  }
}

/** Weeks, which start on a weekday of the rule's own. */
export class Weeks implements Periods {
  /** A day on which a week starts, less than a week after 1970-01-01. */
  readonly #origin: number;

  constructor(
    private readonly days: RuleDays,
    private readonly times: TimesOfDay,
    weekStart: number,
  ) {
    this.#origin = (weekStart - weekdayOf(0) + 7) % 7;
  }

  indexOf(time: number): number {
    return this.#indexOfDay(Math.floor(time / DAY_SECONDS));
  }

  skip(index: number): number {
    return firstFrom(this.days, this.#origin + index * 7, (day) => this.#indexOfDay(day));
  }

  instances(index: number): Instances {
    const start = this.#origin + index * 7;
    return daysAndTimes(this.days, start, start + 7, this.times);
  }

  #indexOfDay(day: number): number {
    return Math.floor((day - this.#origin) / 7);
  }
}

/** Days. */
export class Days implements Periods {
  constructor(
    private readonly days: RuleDays,
    private readonly times: TimesOfDay,
  ) {}

  indexOf(time: number): number {
    return Math.floor(time / DAY_SECONDS);
  }

  skip(index: number): number {
    return this.days.next(index);
  }

  instances(index: number): Instances {
    return new Instances([index * DAY_SECONDS], this.times);
  }
}

/** Hours, minutes or seconds. */
export class ShortPeriods implements Periods {
  /**
   * @param times The times of a day that the rule may have.
   * @param within The times within one period, in seconds from its begin.
   * @param seconds How long a period is.
   */
  constructor(
    private readonly days: RuleDays,
    private readonly times: TimesOfDay,
    private readonly within: TimesOfDay,
    private readonly seconds: number,
  ) {}

  indexOf(time: number): number {
    return Math.floor(time / this.seconds);
  }

  skip(index: number): number {
    let time = index * this.seconds;
    for (;;) {
      const day = Math.floor(time / DAY_SECONDS);
      const next = this.days.next(day);
      if (next === Infinity) return Infinity;
      const found = this.times.next(next === day ? time - day * DAY_SECONDS : 0);
      if (found !== NONE) return Math.floor((next * DAY_SECONDS + found) / this.seconds);
      spend();
      time = (next + 1) * DAY_SECONDS;
    }
  }

  instances(index: number): Instances {
    return new Instances([index * this.seconds], this.within);
  }
}

function firstFrom(days: RuleDays, day: number, indexOfDay: (day: number) => number): number {
  const found = days.next(day);
  return found === Infinity ? Infinity : indexOfDay(found);
}

/** The times of the days of a rule from `start` up to and without `end`. */
function daysAndTimes(days: RuleDays, start: number, end: number, times: TimesOfDay): Instances {
  const offsets: number[] = [];
  for (let day = days.next(start); day < end; day = days.next(day + 1)) {
    spend(0.5);
    offsets.push(day * DAY_SECONDS);
  }
  return new Instances(offsets, times);
}

function monthIndex(day: number): number {
  const date = civilFromDays(day);
  return yearOf(date) * 12 + monthOf(date) - 1;
}

function monthStart(index: number): number {
  return daysFromCivil(Math.floor(index / 12), (index % 12) + 1, 1);
}
