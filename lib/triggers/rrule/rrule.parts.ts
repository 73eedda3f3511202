import { InvalidOptionError } from '../../errors/input.errors.js';
import { civilFromDays, dayOf, monthOf, weekdayOf } from '../../time/civil.js';
import type { DayRules } from './rrule.days.js';

/** The parts of a recurrence rule (RFC 5545, section 3.3.10), by name in upper case. */
export type RRuleParts = ReadonlyMap<string, string>;

const FREQUENCIES = ['YEARLY', 'MONTHLY', 'WEEKLY', 'DAILY', 'HOURLY', 'MINUTELY', 'SECONDLY'];

const WEEKDAYS = ['SU', 'MO', 'TU', 'WE', 'TH', 'FR', 'SA'];

/** More than that is not counted out: `maxRuns` and `endAt` cost nothing. */
const MAX_COUNT = 10_000;

/** What each list of numbers may hold; `negative` counts from the end. */
const NUMBERS: Readonly<Record<string, { readonly min: number; readonly max: number; readonly negative: boolean }>> = {
  BYSECOND: { min: 0, max: 59, negative: false },
  BYMINUTE: { min: 0, max: 59, negative: false },
  BYHOUR: { min: 0, max: 23, negative: false },
  BYMONTHDAY: { min: 1, max: 31, negative: true },
  BYYEARDAY: { min: 1, max: 366, negative: true },
  BYWEEKNO: { min: 1, max: 53, negative: true },
  BYMONTH: { min: 1, max: 12, negative: false },
  BYSETPOS: { min: 1, max: 366, negative: true },
};

const NAMES = ['FREQ', 'UNTIL', 'COUNT', 'INTERVAL', 'BYDAY', 'WKST', ...Object.keys(NUMBERS)];

/**
 * Reads a recurrence rule and checks every part: the library behind it leaves out what it does not understand, and a rule
 * that lost a part would run far too often.
 *
 * @throws InvalidOptionError
 */
export function parseRRule(text: string): RRuleParts {
  const parts = new Map<string, string>();
  for (const part of text.split(';')) {
    const [name, value, ...more] = part.split('=').map((side) => side.trim().toUpperCase());
    if (!name || !value || more.length > 0)
      fail(text, `parts such as "FREQ=DAILY" with ";" between them, not "${part}"`);
    if (!NAMES.includes(name)) fail(text, `the parts ${NAMES.join(', ')}, not ${name}`);
    if (parts.has(name)) fail(text, `each part once, not ${name} again`);
    checkPart(text, name, value);
    parts.set(name, value);
  }
  if (!parts.has('FREQ')) fail(text, `a rule with FREQ, one of ${FREQUENCIES.join(', ')}`);
  if (parts.has('COUNT') && parts.has('UNTIL')) fail(text, 'COUNT or UNTIL, not both');
  return parts;
}

function checkPart(text: string, name: string, value: string): void {
  const numbers = NUMBERS[name];
  if (numbers !== undefined) {
    for (const one of value.split(',')) {
      const number = /^[+-]?\d{1,3}$/.test(one) ? Number(one) : NaN;
      const size = numbers.negative ? Math.abs(number) : number;
      if (!(size >= numbers.min && size <= numbers.max)) {
        const range = `${numbers.min} to ${numbers.max}${numbers.negative ? ', or the same below zero' : ''}`;
        fail(text, `numbers from ${range} in ${name}, not "${one}"`);
      }
    }
    return;
  }
  switch (name) {
    case 'FREQ':
      if (!FREQUENCIES.includes(value)) fail(text, `one of ${FREQUENCIES.join(', ')} as FREQ, not "${value}"`);
      return;
    case 'INTERVAL':
      if (!/^\d{1,6}$/.test(value) || Number(value) === 0)
        fail(text, `a whole number from 1 as INTERVAL, not "${value}"`);
      return;
    case 'COUNT':
      if (!/^\d{1,6}$/.test(value) || Number(value) === 0 || Number(value) > MAX_COUNT) {
        fail(text, `a whole number from 1 to ${MAX_COUNT} as COUNT (maxRuns and endAt take more), not "${value}"`);
      }
      return;
    case 'WKST':
      if (!WEEKDAYS.includes(value)) fail(text, `one of ${WEEKDAYS.join(', ')} as WKST, not "${value}"`);
      return;
    case 'BYDAY':
      for (const day of value.split(',')) {
        if (!/^(?:[+-]?[1-9]\d?)?(?:SU|MO|TU|WE|TH|FR|SA)$/.test(day)) {
          fail(text, `weekdays such as MO, 2FR or -1SU in BYDAY, not "${day}"`);
        }
      }
      return;
    default:
    // UNTIL is a date, and read as one.
  }
}

/** The numbers of a part; null when the rule does not have it. */
export function numbersOf(parts: RRuleParts, name: string): ReadonlySet<number> | null {
  const text = parts.get(name);
  return text === undefined ? null : new Set(text.split(',').map(Number));
}

/** The weekday on which weeks start, 0 for Sunday. */
export function weekStartOf(parts: RRuleParts): number {
  return WEEKDAYS.indexOf(parts.get('WKST') ?? 'MO');
}

/**
 * The days of a rule. What it does not say is taken from its start.
 *
 * @param startDay In days since 1970-01-01.
 */
export function dayRulesOf(parts: RRuleParts, startDay: number): DayRules {
  const start = civilFromDays(startDay);
  const frequency = parts.get('FREQ');
  const months = numbersOf(parts, 'BYMONTH');
  const monthDays = numbersOf(parts, 'BYMONTHDAY');
  const yearDays = numbersOf(parts, 'BYYEARDAY');
  const weeks = numbersOf(parts, 'BYWEEKNO');
  const weekdays = weekdaysOf(parts);
  const saysDay = monthDays !== null || yearDays !== null || weekdays !== null;
  const isOfDate = !saysDay && weeks === null && (frequency === 'YEARLY' || frequency === 'MONTHLY');
  const isOfWeekday = !saysDay && (frequency === 'WEEKLY' || weeks !== null);
  return {
    months: isOfDate && frequency === 'YEARLY' ? (months ?? new Set([monthOf(start)])) : months,
    monthDays: isOfDate ? new Set([dayOf(start)]) : monthDays,
    yearDays,
    weeks,
    weekdays: isOfWeekday ? new Map([[weekdayOf(startDay), null]]) : weekdays,
    countedInMonth: frequency === 'MONTHLY' || months !== null,
    weekStart: weekStartOf(parts),
  };
}

function weekdaysOf(parts: RRuleParts): DayRules['weekdays'] {
  const text = parts.get('BYDAY');
  if (text === undefined) return null;
  const weekdays = new Map<number, Set<number> | null>();
  for (const day of text.split(',')) {
    const weekday = WEEKDAYS.indexOf(day.slice(-2));
    const numbers = weekdays.get(weekday);
    if (day.length === 2) weekdays.set(weekday, null);
    else if (numbers === undefined) weekdays.set(weekday, new Set([Number(day.slice(0, -2))]));
    else numbers?.add(Number(day.slice(0, -2)));
  }
  return weekdays;
}

function fail(text: string, allowed: string): never {
  throw new InvalidOptionError('rule', text, allowed);
}
