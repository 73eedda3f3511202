import { TimesOfDay } from '../wall-clock/time-of-day.js';
import { zero } from './rrule.instances.js';
import type { RRuleParts } from './rrule.parts.js';
import { numbersOf } from './rrule.parts.js';

/** The frequencies from the shortest on; what is longer than a day comes last. */
const SHORT = ['SECONDLY', 'MINUTELY', 'HOURLY'];

/** The fields of a time of day, the least first. */
const FIELDS = [
  { part: 'BYSECOND', size: 60, unit: 1 },
  { part: 'BYMINUTE', size: 60, unit: 60 },
  { part: 'BYHOUR', size: 24, unit: 3_600 },
] as const;

/** The times of day of a rule, and how its periods are counted. */
export interface RuleClock {
  /** The times of a day that it may have; null for none. */
  readonly times: TimesOfDay | null;
  /** The times within one period, in seconds from its begin, where periods are shorter than a day; else null. */
  readonly within: TimesOfDay | null;
  /** How long such a period is, in seconds. */
  readonly seconds: number;
  /** Every how many periods it has times. */
  readonly interval: number;
}

/**
 * The times of day of a rule.
 *
 * Every 15 minutes is the same as every day at minutes 0, 15, 30 and 45. Where that holds, the periods are days, on which times
 * are found and counted by arithmetic. It does not hold for every 7 minutes, nor for BYSETPOS, which counts within a period.
 *
 * @param start The wall-clock time of the start, in seconds.
 */
export function clockOf(parts: RRuleParts, start: number): RuleClock {
  const frequency = parts.get('FREQ')!;
  const level = SHORT.indexOf(frequency);
  const inDay = start - Math.floor(start / 86_400) * 86_400;
  const starts = FIELDS.map(({ size, unit }) => Math.floor(inDay / unit) % size);
  // A field that is longer than a period may have every value, unless the rule names some; a shorter one that of the start.
  const values = FIELDS.map(({ part, size }, field) => {
    const named = numbersOf(parts, part);
    return Uint8Array.from({ length: size }, (_, value) => {
      if (named !== null) return named.has(value) ? 1 : 0;
      return (level !== -1 && field >= level) || value === starts[field] ? 1 : 0;
    });
  });
  const interval = Number(parts.get('INTERVAL') ?? 1);
  if (level === -1) return { times: timesOf(values), within: null, seconds: 0, interval };
  const days = parts.has('BYSETPOS') ? null : asDays(values, starts, level, interval);
  if (days !== null) return { times: timesOf(days.values), within: null, seconds: 0, interval: days.interval };
  const first = (field: number): Uint8Array => (field < level ? values[field]! : zero(FIELDS[field]!.size));
  const within = new TimesOfDay(first(2), first(1), first(0));
  return { times: timesOf(values), within, seconds: FIELDS[level]!.unit, interval };
}

function timesOf(values: readonly Uint8Array[]): TimesOfDay | null {
  return values.every((field) => field.includes(1)) ? new TimesOfDay(values[2]!, values[1]!, values[0]!) : null;
}

/** A rule of short periods as one of days; null where no day is like the other. */
function asDays(
  values: readonly Uint8Array[],
  starts: readonly number[],
  level: number,
  interval: number,
): { readonly values: readonly Uint8Array[]; readonly interval: number } | null {
  const restricted = [...values];
  let rest = interval;
  for (let field = level; field < FIELDS.length; field += 1) {
    const { size } = FIELDS[field]!;
    const start = starts[field]!;
    const whole = rest % size === 0;
    if (!whole && size % rest !== 0) return null;
    const step = whole ? size : rest;
    restricted[field] = values[field]!.map((has, value) => (value % step === start % step ? has : 0));
    if (!whole) return { values: restricted, interval: 1 };
    rest /= size;
  }
  return { values: restricted, interval: rest };
}
