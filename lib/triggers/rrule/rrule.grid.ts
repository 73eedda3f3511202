import { civilFromDays, daysFromCivil, MAX_YEAR, yearOf } from '../../time/civil.js';
import { attempt, spend } from '../search-budget.js';
import { countPairs } from '../wall-clock/local-grid.js';
import type { LocalGrid } from '../wall-clock/local-grid.js';
import { clockOf } from './rrule.clock.js';
import type { RuleClock } from './rrule.clock.js';
import { RuleDays } from './rrule.days.js';
import { Positions } from './rrule.instances.js';
import type { Instances } from './rrule.instances.js';
import { dayRulesOf, numbersOf, weekStartOf } from './rrule.parts.js';
import type { RRuleParts } from './rrule.parts.js';
import { Days, Months, ShortPeriods, Weeks, Years } from './rrule.periods.js';
import type { Periods } from './rrule.periods.js';

const DAY_SECONDS = 86_400;

/** The last second of a schedule. */
const LAST = daysFromCivil(MAX_YEAR + 1, 1, 1) * DAY_SECONDS - 1;

/**
 * A recurrence rule on the wall clock: what changes of clocks do is decided where all other triggers have it decided, by the rule of
 * RFC 5545 (section 3.3.5) unless told otherwise.
 *
 * A rule is a row of periods. Those that have no day of the rule are jumped over, and the times of a period are counted and
 * picked without a list of them, so that no rule takes more than some steps a period.
 */
export class RRuleGrid implements LocalGrid {
  readonly #periods: Periods | null;
  readonly #days: RuleDays;
  readonly #clock: RuleClock;
  readonly #origin: number;
  readonly #positions: Positions | null;
  readonly #count: number | null;
  readonly #start: number;
  /** The last time that COUNT or UNTIL allows; null as long as it is not known. */
  #end: number | null;

  /**
   * @param parts Of a rule that was read and checked.
   * @param start The wall-clock time of the start, in seconds.
   * @param until The wall-clock time after which there is nothing, in seconds; null for no end.
   */
  constructor(parts: RRuleParts, start: number, until: number | null) {
    this.#start = start;
    this.#count = parts.has('COUNT') ? Number(parts.get('COUNT')) : null;
    this.#end = this.#count === null ? Math.min(until ?? LAST, LAST) : null;
    this.#days = new RuleDays(dayRulesOf(parts, Math.floor(start / DAY_SECONDS)));
    this.#clock = clockOf(parts, start);
    const positions = numbersOf(parts, 'BYSETPOS');
    this.#positions = positions === null ? null : new Positions([...positions]);
    this.#periods = createPeriods(parts, this.#days, this.#clock);
    this.#origin = this.#periods?.indexOf(start) ?? 0;
  }

  next(time: number): number {
    const found = this.#search(time);
    return found !== Infinity && found <= this.#lastTime() ? found : Infinity;
  }

  matches(time: number): boolean {
    return this.next(time) === time;
  }

  /** As far as the steps reach, which is some thousand years for most rules. */
  count(from: number, to: number): number {
    let count = 0;
    attempt(0.5, () => {
      const first = Math.max(from, this.#start);
      const end = Math.min(to, this.#lastTime() + 1);
      if (end <= first) return;
      if (this.#isDaily()) {
        count = this.#countDaily(first, end);
        return;
      }
      this.#walk(first, (instances) => {
        count -= instances.countBefore(first);
        count += instances.countBefore(end);
        return instances.size === 0 || instances.at(instances.size - 1) < end;
      });
    });
    return count;
  }

  countBoth(from: number, to: number, shift: number): number {
    return countPairs(this, from, to, shift, this.#isDaily());
  }

  lastYear(): number {
    return MAX_YEAR;
  }

  #search(time: number): number {
    const first = Math.max(time, this.#start);
    let found = Infinity;
    this.#walk(first, (instances) => {
      const index = instances.countBefore(first);
      if (index < instances.size) found = instances.at(index);
      return found === Infinity;
    });
    return found;
  }

  /** Goes from period to period, from that of a time on, until told to stop or the calendar ends. */
  #walk(from: number, goesOn: (instances: Instances) => boolean): void {
    const periods = this.#periods;
    if (periods === null || from > LAST) return;
    let index = this.#align(periods.indexOf(from));
    for (;;) {
      spend();
      const possible = periods.skip(index);
      if (possible === Infinity) return;
      index = this.#align(possible);
      // One that may have times, but is none of every few: from there it is looked anew.
      if (index === possible) {
        const instances = periods.instances(index);
        const picked = this.#positions?.of(instances.size);
        if (!goesOn(picked === undefined ? instances : instances.pick(picked))) return;
        index += this.#clock.interval;
      }
    }
  }

  /** The first period of the rule from `index` on. */
  #align(index: number): number {
    const { interval } = this.#clock;
    return this.#origin + Math.max(0, Math.ceil((index - this.#origin) / interval)) * interval;
  }

  /** COUNT is counted from the start, whenever it is asked. */
  #lastTime(): number {
    if (this.#end === null) {
      let left = this.#count!;
      let last = LAST;
      this.#walk(this.#start, (instances) => {
        const before = instances.countBefore(this.#start);
        const here = instances.size - before;
        if (left <= here) last = instances.at(before + left - 1);
        left -= here;
        return left > 0;
      });
      this.#end = last;
    }
    return this.#end;
  }

  /** Whether each day of the rule has all of its times of day. */
  #isDaily(): boolean {
    return this.#periods instanceof Days && this.#clock.interval === 1 && this.#positions === null;
  }

  #countDaily(from: number, to: number): number {
    const { times } = this.#clock;
    const before = (time: number): number => {
      const day = Math.floor(time / DAY_SECONDS);
      return this.#days.next(day) === day ? times!.countBefore(time - day * DAY_SECONDS) : 0;
    };
    let count = before(to) - before(from);
    const last = Math.floor(to / DAY_SECONDS);
    for (let day = Math.floor(from / DAY_SECONDS); day < last;) {
      spend();
      const year = yearOf(civilFromDays(day));
      const yearStart = daysFromCivil(year, 1, 1);
      const yearEnd = daysFromCivil(year + 1, 1, 1);
      const { days } = this.#days.ofYear(year);
      const end = Math.min(last, yearEnd);
      count += (below(days, end - yearStart) - below(days, day - yearStart)) * times!.size;
      day = end;
    }
    return count;
  }
}

/** How many of the numbers, which are in order, lie below one. */
function below(numbers: readonly number[], limit: number): number {
  let low = 0;
  let high = numbers.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (numbers[middle]! < limit) low = middle + 1;
    else high = middle;
  }
  return low;
}

function createPeriods(parts: RRuleParts, days: RuleDays, { times, within, seconds }: RuleClock): Periods | null {
  if (times === null) return null;
  if (within !== null) return new ShortPeriods(days, times, within, seconds);
  switch (parts.get('FREQ')) {
    case 'YEARLY':
      return new Years(days, times);
    case 'MONTHLY':
      return new Months(days, times);
    case 'WEEKLY':
      return new Weeks(days, times, weekStartOf(parts));
    default:
      return new Days(days, times);
  }
}
