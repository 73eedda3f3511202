import { InvalidOptionError, rejectUnknownOptions } from '../../errors/input.errors.js';
import { namesOf } from '../../model/names.js';
import { civilFromDays, DAY_MS, daysFromCivil, daysInMonth, weekdayOf } from '../../time/civil.js';
import { parseDateText } from '../../time/date-text.js';
import { assertTimezone } from '../../time/inputs.js';
import { TimeZone } from '../../time/time-zone.js';
import { WEEKDAY_NAMES } from '../cron/cron.fields.js';
import type { CalendarDefinition, ExclusionCalendar } from './calendar.interface.js';

const OPTIONS = namesOf<keyof CalendarDefinition>({
  dates: 0,
  weekdays: 0,
  yearly: 0,
  times: 0,
  calendars: 0,
  timezone: 0,
});

/** The bits of a packed date that are the same every year. */
const MONTH_AND_DAY = 511;

/** One that has every day of every year. */
const LEAP_YEAR = 2_024;

/** Both ends included; day numbers, or for every year month times 32 plus day. */
interface DayRange {
  readonly from: number;
  readonly to: number;
}

/** Milliseconds since midnight; `to` is not included. */
interface TimeWindow {
  readonly from: number;
  readonly to: number;
}

/** The days and times of one definition, without the calendars that it names. */
export class DefinitionCalendar implements ExclusionCalendar {
  readonly #zone: TimeZone;
  /** In order, apart from each other. */
  readonly #dates: readonly DayRange[];
  /** For each month and day, packed as in a date, 1 where it is excluded; null for none. */
  readonly #yearly: Uint8Array | null;
  readonly #weekdays: ReadonlySet<number>;
  readonly #windows: readonly TimeWindow[];
  readonly #excludesAll: boolean;

  /**
   * @param timezone The IANA zone of a definition that names none.
   * @throws InvalidOptionError, UnknownOptionError
   */
  constructor(definition: CalendarDefinition, timezone: string) {
    rejectUnknownOptions('a calendar', definition, OPTIONS);
    const zone = definition.timezone ?? timezone;
    assertTimezone(zone, 'calendar.timezone');
    this.#zone = TimeZone.get(zone);
    this.#dates = merged(listOf('dates', definition.dates).map((text) => readRange('dates', text, readDate)));
    this.#yearly = tableOf(listOf('yearly', definition.yearly).map((text) => readRange('yearly', text, readYearly)));
    this.#weekdays = new Set(listOf('weekdays', definition.weekdays).map(readWeekday));
    this.#windows = merged(listOf('times', definition.times).flatMap(readWindow));
    const excludesDay = this.#windows.some(({ from, to }) => from === 0 && to === DAY_MS);
    this.#excludesAll = excludesDay || this.#weekdays.size === 7 || this.#yearly?.every((day) => day === 1) === true;
  }

  excludedUntil(time: number): number | null {
    if (this.#excludesAll) return Infinity;
    const local = time + this.#zone.offsetAt(time);
    const day = Math.floor(local / DAY_MS);
    const lastDay = this.#lastExcluded(day);
    if (lastDay !== null) {
      const end = (lastDay + 1) * DAY_MS;
      const until = this.#zone.fromLocal(end).time;
      // Where the clocks go back over midnight, the first of two midnights may have passed.
      return until > time ? until : this.#instantAfter(time, end);
    }
    const clock = local - day * DAY_MS;
    for (const { from, to } of this.#windows) {
      if (clock >= from && clock < to) return this.#instantAfter(time, day * DAY_MS + to);
    }
    return null;
  }

  allowedUntil(time: number): number {
    const local = time + this.#zone.offsetAt(time);
    const day = Math.floor(local / DAY_MS);
    let end = DAY_MS;
    for (const { from } of this.#windows) if (from > local - day * DAY_MS && from < end) end = from;
    return this.#instantAfter(time, day * DAY_MS + end);
  }

  /**
   * The instant of a wall-clock time after `time`, but no later than the next change of clocks: what the clocks show after
   * it is looked at anew.
   */
  #instantAfter(time: number, local: number): number {
    const { offset, end } = this.#zone.segmentAt(time);
    return Math.min(local - offset, end);
  }

  /** The last day of those in a row from a day on that are known to be excluded; null when the day is not. */
  #lastExcluded(day: number): number | null {
    let low = 0;
    let high = this.#dates.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.#dates[middle]!.to < day) low = middle + 1;
      else high = middle;
    }
    const range = this.#dates[low];
    if (range !== undefined && range.from <= day) return range.to;
    if (this.#weekdays.has(weekdayOf(day))) return day;
    return this.#yearly !== null && this.#yearly[civilFromDays(day) & MONTH_AND_DAY] === 1 ? day : null;
  }
}

/** Ranges in order, those that touch each other as one. */
function merged<Range extends DayRange | TimeWindow>(ranges: readonly Range[]): Range[] {
  const result: Range[] = [];
  for (const range of ranges.toSorted((a, b) => a.from - b.from)) {
    const last = result.at(-1);
    if (last === undefined || range.from > last.to) result.push(range);
    else if (range.to > last.to) result[result.length - 1] = { ...last, to: range.to };
  }
  return result;
}

/** The days of every year of some ranges. Numbers that are no date are marked too, so that all being marked means all days. */
function tableOf(ranges: readonly DayRange[]): Uint8Array | null {
  if (ranges.length === 0) return null;
  const table = new Uint8Array(MONTH_AND_DAY + 1).fill(1);
  for (let month = 1; month <= 12; month += 1) {
    for (let day = 1; day <= daysInMonth(LEAP_YEAR, month); day += 1) {
      const date = month * 32 + day;
      const isIn = ({ from, to }: DayRange): boolean =>
        from <= to ? date >= from && date <= to : date >= from || date <= to;
      table[date] = ranges.some(isIn) ? 1 : 0;
    }
  }
  return table;
}

function listOf<T>(option: string, value: readonly T[] | undefined): readonly T[] {
  if (value === undefined || value === null) return [];
  if (!Array.isArray(value)) throw new InvalidOptionError(`calendar.${option}`, value, 'an array');
  return value;
}

function readRange(option: string, text: unknown, read: (text: string) => number | null): DayRange {
  const ends = typeof text === 'string' ? text.split('/') : [];
  const [from, to] = [read(ends[0] ?? ''), read(ends[1] ?? ends[0] ?? '')];
  const example = option === 'dates' ? '2025-12-24' : '12-24';
  if (ends.length > 2 || from === null || to === null || (option === 'dates' && to < from)) {
    throw new InvalidOptionError(
      `calendar.${option}`,
      text,
      `a day such as "${example}", or two with "/" between them`,
    );
  }
  return { from, to };
}

function readDate(text: string): number | null {
  const date = /^\d{4}-\d{2}-\d{2}$/.test(text) ? parseDateText(text) : null;
  return date === null ? null : date.local / DAY_MS;
}

/** A day of every year, 29 February included, packed as in a date. */
function readYearly(text: string): number | null {
  const match = /^(\d{2})-(\d{2})$/.exec(text);
  const [month, day] = [Number(match?.[1]), Number(match?.[2])];
  if (!match || month < 1 || month > 12 || day < 1 || day > daysInMonth(LEAP_YEAR, month)) return null;
  return civilFromDays(daysFromCivil(LEAP_YEAR, month, day)) & MONTH_AND_DAY;
}

function readWeekday(value: unknown): number {
  if (typeof value === 'number' && Number.isInteger(value) && value >= 0 && value <= 7) return value % 7;
  if (typeof value === 'string') {
    const index = WEEKDAY_NAMES.indexOf(value.toLowerCase().slice(0, 3));
    if (index !== -1 && WEEKDAY_WORDS[index]!.startsWith(value.toLowerCase())) return index;
  }
  throw new InvalidOptionError('calendar.weekdays', value, 'names such as "sat" or "saturday", or numbers from 0 to 7');
}

const WEEKDAY_WORDS = ['sunday', 'monday', 'tuesday', 'wednesday', 'thursday', 'friday', 'saturday'];

/** A window of the day; one that goes past midnight is two. */
function readWindow(text: unknown): TimeWindow[] {
  const match = typeof text === 'string' ? /^(\d{2}):(\d{2})-(\d{2}):(\d{2})$/.exec(text) : null;
  const numbers = (match ?? []).slice(1).map(Number) as [number, number, number, number];
  const [fromHour, fromMinute, toHour, toMinute] = numbers;
  const from = (fromHour * 60 + fromMinute) * 60_000;
  const to = (toHour * 60 + toMinute) * 60_000;
  if (!match || fromHour > 23 || fromMinute > 59 || toMinute > 59 || to > DAY_MS || from === to) {
    throw new InvalidOptionError('calendar.times', text, 'a window such as "22:00-06:00", up to "24:00"');
  }
  if (from < to) return [{ from, to }];
  return [{ from, to: DAY_MS }, ...(to > 0 ? [{ from: 0, to }] : [])];
}
