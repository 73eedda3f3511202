import { RRuleTemporal } from 'rrule-temporal';
import { toText } from 'rrule-temporal/totext';
import { InvalidOptionError } from '../../errors/input.errors.js';
import { civilFromDays, DAY_MS, dayOf, monthOf, yearOf } from '../../time/civil.js';
import type { RRuleParts } from './rrule.parts.js';

/** How many times of day, weekdays or positions are said one by one. */
const MAX_SPOKEN = 31;

/**
 * What the library knows of a rule: which parts do not go together, and how it is said. It is never asked for dates: it counts
 * them out one by one, and looks at each second of a year for a rule that names none.
 */
export class LibraryRule {
  readonly #rule: RRuleTemporal;
  readonly #isSpeakable: boolean;

  /**
   * @param start The wall-clock time of the start, in seconds.
   * @throws InvalidOptionError When the parts do not go together: the library knows the rules of the RFC for that.
   */
  constructor(parts: RRuleParts, start: number) {
    // The library says each time of day: 60 minutes with 60 seconds are a text that takes a tenth of a second.
    const sizes = [...parts].map(([name, value]) => [name, value.split(',').length] as const);
    const ofTimes = sizes.filter(([name]) => ['BYHOUR', 'BYMINUTE', 'BYSECOND'].includes(name));
    this.#isSpeakable =
      sizes.every(([, size]) => size <= MAX_SPOKEN) &&
      ofTimes.reduce((times, [, size]) => times * size, 1) <= MAX_SPOKEN;
    const kept = [...parts].filter(([name]) => name !== 'COUNT' && name !== 'UNTIL');
    const rule = kept.map(([name, value]) => `${name}=${value}`).join(';');
    try {
      const rruleString = `DTSTART:${compact(start)}\nRRULE:${rule}`;
      this.#rule = new RRuleTemporal({ rruleString, strict: true, cache: false, maxIterations: 1 });
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      throw new InvalidOptionError('rule', rule, `a rule of RFC 5545: ${reason}`, { cause: error });
    }
  }

  /** The rule in words, without its end; null where the library has none, or nobody would read them. */
  inWords(): string | null {
    if (!this.#isSpeakable) return null;
    try {
      return toText(this.#rule, 'en', { excludeTzAbbreviation: true });
    } catch {
      return null;
    }
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
