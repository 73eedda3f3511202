import { namesOf } from '../../model/names.js';
import { MAX_YEAR } from '../../time/civil.js';

/** The fields of a cron schedule, the most significant first. */
export type CronFieldName = 'year' | 'month' | 'day' | 'week' | 'dayOfWeek' | 'hour' | 'minute' | 'second';

/** {@link CronFieldName}, the most significant first: what is not given defaults by this order. */
export const CRON_FIELD_NAMES = namesOf<CronFieldName>({
  year: 0,
  month: 0,
  day: 0,
  week: 0,
  dayOfWeek: 0,
  hour: 0,
  minute: 0,
  second: 0,
});

/**
 * How fields, numbers and days are meant. `standard` is crontab: Sunday is 0 or 7. `quartz` has the second first and Sunday as
 * 1, `spring` has the second first and Sunday as 0 or 7, `aws` (EventBridge) has the minute first, the year last and Sunday as
 * 1. `asyncz` is that of the model system: Monday is 0, and its grammar is smaller and stricter.
 *
 * @publicApi
 */
export type CronDialect = 'standard' | 'asyncz' | 'quartz' | 'spring' | 'aws';

/** What a field may hold. */
export interface CronFieldRange {
  readonly min: number;
  readonly max: number;
  /** Names of values, three letters each, lower case, from `min` on. */
  readonly names: readonly string[];
  /** In words, for messages. */
  readonly words: string;
}

export const MONTH_NAMES = ['jan', 'feb', 'mar', 'apr', 'may', 'jun', 'jul', 'aug', 'sep', 'oct', 'nov', 'dec'];

export const WEEKDAY_NAMES = ['sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat'];

export const MIN_YEAR = 1_970;

/** The ranges of the fields; weekdays count from Sunday, 0. */
export const CRON_RANGES: Readonly<Record<CronFieldName, CronFieldRange>> = {
  year: { min: MIN_YEAR, max: MAX_YEAR, names: [], words: 'year' },
  month: { min: 1, max: 12, names: MONTH_NAMES, words: 'month' },
  day: { min: 1, max: 31, names: [], words: 'day of the month' },
  week: { min: 1, max: 53, names: [], words: 'ISO week' },
  dayOfWeek: { min: 0, max: 6, names: WEEKDAY_NAMES, words: 'day of the week' },
  hour: { min: 0, max: 23, names: [], words: 'hour' },
  minute: { min: 0, max: 59, names: [], words: 'minute' },
  second: { min: 0, max: 59, names: [], words: 'second' },
};

/** One part of a field's list. Weekdays are numbers from 0, Sunday, to 6. */
export type CronItem =
  /** Every `step`-th value of `from` to `to`; past the end of the field and on from its start where `to` is the smaller. */
  | { readonly kind: 'range'; readonly from: number; readonly to: number; readonly step: number }
  /** One value of the range, or every `step`-th from one within the first step, chosen by a hash of the task's id. */
  | { readonly kind: 'hash'; readonly from: number; readonly to: number; readonly step: number | null }
  /** The day that lies `before` days before the last of the month. */
  | { readonly kind: 'last'; readonly before: number }
  /** The day from Monday to Friday that is nearest to a day, within the month. */
  | { readonly kind: 'nearestWorkday'; readonly day: number }
  /** The day from Monday to Friday that is nearest to the day that lies `before` days before the last of the month. */
  | { readonly kind: 'lastWorkday'; readonly before: number }
  /** Monday to Friday. */
  | { readonly kind: 'workdays' }
  /** The `nth` such weekday of the month; the last for -1. */
  | { readonly kind: 'nth'; readonly weekday: number; readonly nth: number };

export interface CronField {
  readonly items: readonly CronItem[];
  /** Whether the field is `*` or `?` and nothing else: it restricts nothing. */
  readonly any: boolean;
  /** Whether a part of it starts with `*`: decides what a change of clocks does to the hour. */
  readonly wildcard: boolean;
}

/**
 * Whether a day has to match the day of the month and the day of the week, or one of the two where both are restricted.
 *
 * @publicApi
 */
export type DayMatch = 'and' | 'or';

/** A cron schedule as it was written. */
export interface CronSchedule {
  readonly fields: Readonly<Record<CronFieldName, CronField>>;
  readonly dayMatch: DayMatch;
}

/** The field that restricts nothing. */
export function anyValue(name: CronFieldName): CronField {
  const { min, max } = CRON_RANGES[name];
  return { items: [{ kind: 'range', from: min, to: max, step: 1 }], any: true, wildcard: true };
}

/** The field that is the smallest value. */
export function smallestValue(name: CronFieldName): CronField {
  const { min } = CRON_RANGES[name];
  return { items: [{ kind: 'range', from: min, to: min, step: 1 }], any: false, wildcard: false };
}
