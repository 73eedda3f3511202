import { DAY_MS, civilFromDays, dayOf, monthOf, yearOf } from '../time/civil.js';
import { TimeZone } from '../time/time-zone.js';
import type { ScheduleOptions } from './schedule.options.js';

/** A schedule in words: the grid, then what limits it and moves it. */
export function describeSchedule(grid: string, options: ScheduleOptions): string {
  const { startAt, endAt, timezone, jitterMs, maxRuns, calendar } = options;
  const parts = [grid];
  if (startAt !== null) parts.push(`from ${dateInWords(startAt, timezone)}`);
  if (endAt !== null) parts.push(`until ${dateInWords(endAt, timezone)}`);
  if (maxRuns !== null) parts.push(maxRuns === 1 ? 'once' : `${maxRuns} times at most`);
  if (jitterMs > 0) parts.push(`up to ${durationInWords(jitterMs)} later`);
  if (calendar !== null) parts.push(calendarInWords(calendar));
  return parts.join(', ');
}

function calendarInWords({ source, onExcluded }: NonNullable<ScheduleOptions['calendar']>): string {
  const names = (Array.isArray(source) ? source : [source]).map((one: unknown) =>
    typeof one === 'string' ? `"${one}"` : 'its own calendar',
  );
  const what = `when ${names.join(' or ')} excludes it`;
  return onExcluded === 'skip' ? `not ${what}` : `on the ${onExcluded} day that is free ${what}`;
}

/** The wall-clock time of an instant: `2025-03-01 09:30`, with seconds where there are some. */
export function dateInWords(time: number, timezone: string): string {
  const local = time + TimeZone.get(timezone).offsetAt(time);
  const days = Math.floor(local / DAY_MS);
  const date = civilFromDays(days);
  const clock = timeOfDayInWords(local - days * DAY_MS);
  return `${yearOf(date)}-${twoDigits(monthOf(date))}-${twoDigits(dayOf(date))} ${clock}`;
}

/** A time of day, in milliseconds since midnight: `09:30`, with seconds and thousandths where there are some. */
export function timeOfDayInWords(ms: number): string {
  const seconds = Math.floor(ms / 1_000);
  const clock = `${twoDigits(Math.floor(seconds / 3_600))}:${twoDigits(Math.floor(seconds / 60) % 60)}`;
  const thousandths = ms % 1_000;
  if (seconds % 60 === 0 && thousandths === 0) return clock;
  return `${clock}:${twoDigits(seconds % 60)}${thousandths === 0 ? '' : `.${String(thousandths).padStart(3, '0')}`}`;
}

const UNITS = [
  ['week', 604_800_000],
  ['day', DAY_MS],
  ['hour', 3_600_000],
  ['minute', 60_000],
  ['second', 1_000],
  ['millisecond', 1],
] as const;

/** A length of time in words: `1 hour 30 minutes`. */
export function durationInWords(ms: number): string {
  const parts: string[] = [];
  let rest = ms;
  for (const [unit, size] of UNITS) {
    const amount = unit === 'millisecond' ? rest : Math.floor(rest / size);
    // 10 days read better than 1 week 3 days.
    if (amount === 0 || (unit === 'week' && rest % size !== 0)) continue;
    parts.push(countInWords(amount, unit));
    rest -= amount * size;
  }
  return parts.join(' ') || '0 milliseconds';
}

/** `every day`, `every 2 days`. */
export function everyInWords(words: string): string {
  return `every ${words.startsWith('1 ') && words.indexOf(' ', 2) === -1 ? words.slice(2) : words}`;
}

/** `1 day`, `2 days`. */
export function countInWords(amount: number, unit: string): string {
  return `${amount} ${unit}${amount === 1 ? '' : 's'}`;
}

function twoDigits(value: number): string {
  return String(value).padStart(2, '0');
}
