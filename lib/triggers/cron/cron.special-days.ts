import type { CronItem } from './cron.fields.js';

/**
 * The days that depend on the month: its last, the nearest workday, the second Friday. As a mask with bit 0 for the first.
 *
 * @param firstWeekday The weekday of the first; 0 is Sunday.
 * @param length How many days the month has.
 */
export function specialDays(items: readonly CronItem[], firstWeekday: number, length: number): number {
  let mask = 0;
  for (const item of items) mask |= maskOf(item, firstWeekday, length);
  return mask;
}

function maskOf(item: CronItem, firstWeekday: number, length: number): number {
  switch (item.kind) {
    case 'last':
      return bit(length - item.before);
    case 'nearestWorkday':
      // A day that the month does not have is no other day either.
      return item.day > length ? 0 : bit(nearestWorkday(item.day, firstWeekday, length));
    case 'lastWorkday':
      return item.before >= length ? 0 : bit(nearestWorkday(length - item.before, firstWeekday, length));
    case 'workdays':
      return workdays(firstWeekday, length);
    case 'nth':
      return nthWeekday(item.weekday, item.nth, firstWeekday, length);
    default:
      return 0;
  }
}

function bit(day: number): number {
  return day < 1 ? 0 : 1 << (day - 1);
}

/** As in Quartz: Saturday moves to Friday, Sunday to Monday, but never into another month. */
function nearestWorkday(day: number, firstWeekday: number, length: number): number {
  const weekday = (firstWeekday + day - 1) % 7;
  if (weekday === 6) return day > 1 ? day - 1 : day + 2;
  if (weekday === 0) return day < length ? day + 1 : day - 2;
  return day;
}

function workdays(firstWeekday: number, length: number): number {
  let mask = 0;
  for (let day = 1; day <= length; day += 1) {
    const weekday = (firstWeekday + day - 1) % 7;
    if (weekday !== 0 && weekday !== 6) mask |= bit(day);
  }
  return mask;
}

function nthWeekday(weekday: number, nth: number, firstWeekday: number, length: number): number {
  const first = ((weekday - firstWeekday + 7) % 7) + 1;
  if (nth > 0) {
    const day = first + (nth - 1) * 7;
    return day <= length ? bit(day) : 0;
  }
  return bit(first + Math.floor((length - first) / 7) * 7);
}
