/*
 * The Gregorian calendar in integers. A local time is kept as the milliseconds that its wall clock would have in UTC, so
 * that dates are divisions and no object is made. The conversions are Howard Hinnant's
 * (https://howardhinnant.github.io/date_algorithms.html), exact for every year that a `Date` has.
 */

/** The milliseconds of a calendar day on the wall clock. */
export const DAY_MS = 86_400_000;

/** The last year of a schedule: what follows has five digits. */
export const MAX_YEAR = 9_999;

/** Days from 1970-01-01 to a date; negative before. */
export function daysFromCivil(year: number, month: number, day: number): number {
  const shifted = month <= 2 ? year - 1 : year;
  const era = Math.floor(shifted / 400);
  const yearOfEra = shifted - era * 400;
  const dayOfYear = Math.floor((153 * (month > 2 ? month - 3 : month + 9) + 2) / 5) + day - 1;
  const dayOfEra = yearOfEra * 365 + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100) + dayOfYear;
  return era * 146_097 + dayOfEra - 719_468;
}

/**
 * The date that lies `days` after 1970-01-01, in one number so that the search allocates nothing: see {@link yearOf},
 * {@link monthOf}, {@link dayOf}.
 */
export function civilFromDays(days: number): number {
  const shifted = days + 719_468;
  const era = Math.floor(shifted / 146_097);
  const dayOfEra = shifted - era * 146_097;
  const yearOfEra = Math.floor(
    (dayOfEra - Math.floor(dayOfEra / 1_460) + Math.floor(dayOfEra / 36_524) - Math.floor(dayOfEra / 146_096)) / 365,
  );
  const dayOfYear = dayOfEra - (365 * yearOfEra + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100));
  const monthFromMarch = Math.floor((5 * dayOfYear + 2) / 153);
  const day = dayOfYear - Math.floor((153 * monthFromMarch + 2) / 5) + 1;
  const month = monthFromMarch < 10 ? monthFromMarch + 3 : monthFromMarch - 9;
  const year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0);
  return year * 512 + month * 32 + day;
}

/** The year of a packed date. */
export function yearOf(packed: number): number {
  return packed >> 9;
}

/** The month, 1 to 12, of a packed date. */
export function monthOf(packed: number): number {
  return (packed >> 5) & 15;
}

/** The day of the month, from 1, of a packed date. */
export function dayOf(packed: number): number {
  return packed & 31;
}

/** The weekday of a day number; 0 is Sunday, as in crontab. */
export function weekdayOf(days: number): number {
  const weekday = (days + 4) % 7;
  return weekday < 0 ? weekday + 7 : weekday;
}

const MONTH_LENGTHS = [0, 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];

export function isLeapYear(year: number): boolean {
  return (year & 3) === 0 && (year % 100 !== 0 || year % 400 === 0);
}

export function daysInMonth(year: number, month: number): number {
  return month === 2 && isLeapYear(year) ? 29 : MONTH_LENGTHS[month]!;
}

/** The ISO 8601 week, 1 to 53, of a day number: a week belongs to the year that has its Thursday. */
export function isoWeekOf(days: number): number {
  const thursday = days + 3 - ((weekdayOf(days) + 6) % 7);
  const year = yearOf(civilFromDays(thursday));
  return Math.floor((thursday - daysFromCivil(year, 1, 1)) / 7) + 1;
}

/** The first and the last instant of a schedule, in milliseconds since the epoch: those of the years 1 to 9999. */
export const MIN_INSTANT = daysFromCivil(1, 1, 1) * DAY_MS;
export const MAX_INSTANT = daysFromCivil(MAX_YEAR + 1, 1, 1) * DAY_MS - 1;
