import { RRuleTemporal } from 'rrule-temporal';
import { toText } from 'rrule-temporal/totext';
import { InvalidOptionError } from '../../errors/input.errors.js';
import { civilFromDays, DAY_MS, dayOf, monthOf, yearOf } from '../../time/civil.js';
import { walkBoth } from '../wall-clock/local-grid.js';
import type { LocalGrid } from '../wall-clock/local-grid.js';
import type { RRuleParts } from './rrule.parts.js';

/** The last year that it gives a time in. */
const MAX_YEAR = 9_999;

/**
 * How many periods the library steps over before it gives up: 400 years, after which the calendar repeats, where a period
 * is a year or a month; 20,000 weeks or days; fewer of the shorter ones, which take it longer.
 */
const MAX_PERIODS: Readonly<Record<string, number>> = { YEARLY: 400, MONTHLY: 4_800, WEEKLY: 20_000, DAILY: 20_000 };
const MAX_SHORT_PERIODS = 5_000;

/** How many times are counted, one by one: the library has no arithmetic for it. */
const MAX_COUNTED = 10_000;

/**
 * A recurrence rule on the wall clock. The library is given wall-clock times as if they were in UTC: what changes of
 * clocks do is decided where all other triggers have it decided, by the rule of RFC 5545 (section 3.3.5) unless told
 * otherwise, and the library is several times faster without a zone.
 */
export class RRuleGrid implements LocalGrid {
  readonly #rule: RRuleTemporal;
  readonly #count: number | null;
  readonly #start: number;
  /** The last time that COUNT or UNTIL allows, once it is known. */
  #end: number | null = null;

  /**
   * @param start The wall-clock time of the start, in seconds.
   * @param until The wall-clock time after which there is nothing, in seconds; null for no end.
   * @throws InvalidOptionError When the parts do not go together.
   */
  constructor(parts: RRuleParts, start: number, until: number | null) {
    const kept = [...parts].filter(([name]) => name !== 'COUNT' && name !== 'UNTIL');
    this.#count = parts.has('COUNT') ? Number(parts.get('COUNT')) : null;
    this.#start = start;
    this.#end = this.#count === null ? (until ?? Infinity) : null;
    this.#rule = createRule(kept.map(([name, value]) => `${name}=${value}`).join(';'), start, parts.get('FREQ')!);
  }

  next(time: number): number {
    const found = this.#search(time);
    return found <= this.#lastTime() ? found : Infinity;
  }

  matches(time: number): boolean {
    return this.next(time) === time;
  }

  count(from: number, to: number): number {
    let count = 0;
    for (let time = this.next(from); time < to && count < MAX_COUNTED; time = this.next(time + 1)) count += 1;
    return count;
  }

  countBoth(from: number, to: number, shift: number): number {
    return walkBoth(this, from, to, shift);
  }

  lastYear(): number {
    return MAX_YEAR;
  }

  /** The rule in words, without its end; null where the library has none. */
  inWords(): string | null {
    try {
      return toText(this.#rule, 'en', { excludeTzAbbreviation: true });
    } catch {
      return null;
    }
  }

  #search(time: number): number {
    let found: { readonly epochMilliseconds: number } | null;
    try {
      found = this.#rule.next(new Date(Math.max(time, this.#start) * 1_000), true);
    } catch {
      // It has looked at as many periods as it may.
      return Infinity;
    }
    return found === null ? Infinity : found.epochMilliseconds / 1_000;
  }

  /** COUNT is counted out once, on the rule without it, since from a later start the library would count anew. */
  #lastTime(): number {
    if (this.#end === null) {
      let last = this.#search(this.#start);
      for (let counted = 1; counted < this.#count! && last !== Infinity; counted += 1) last = this.#search(last + 1);
      this.#end = last;
    }
    return this.#end;
  }
}

/** Parts that are right each by itself may be wrong together: the library knows the rules of the RFC for that. */
function createRule(rule: string, start: number, frequency: string): RRuleTemporal {
  try {
    return new RRuleTemporal({
      rruleString: `DTSTART:${compact(start)}\nRRULE:${rule}`,
      strict: true,
      cache: false,
      maxIterations: MAX_PERIODS[frequency] ?? MAX_SHORT_PERIODS,
    });
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new InvalidOptionError('rule', rule, `a rule of RFC 5545: ${reason}`, { cause: error });
  }
}

/** A wall-clock time as iCalendar writes one in UTC. */
function compact(time: number): string {
  const days = Math.floor((time * 1_000) / DAY_MS);
  const date = civilFromDays(days);
  const clock = new Date(time * 1_000).toISOString().slice(11, 19).replaceAll(':', '');
  const two = (value: number): string => String(value).padStart(2, '0');
  return `${String(yearOf(date)).padStart(4, '0')}${two(monthOf(date))}${two(dayOf(date))}T${clock}Z`;
}
