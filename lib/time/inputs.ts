import { InvalidOptionError } from '../errors/input.errors.js';
import { MAX_TIME } from '../model/bounds.js';
import { formatDuration, parseDuration } from '../model/duration.js';
import type { Duration } from '../model/duration.js';
import { DATE_FORMS, parseDateText } from './date-text.js';
import { TimeZone } from './time-zone.js';
import { suggestTimezone } from './zone-names.js';

/**
 * Reads an instant from what the public API takes for one.
 *
 * @param option The option's name, for the message.
 * @param timezone The IANA zone in which text without an offset is read. A wall-clock time that the clocks skip moves
 *   forward by the length of the gap; of one that they show twice the first is meant.
 * @returns Milliseconds since the epoch.
 * @throws InvalidOptionError When it is no date.
 */
export function toInstant(value: unknown, option: string, timezone = 'UTC'): number {
  const time = readInstant(value, timezone);
  if (time === null || !(Math.abs(time) <= MAX_TIME)) throw new InvalidOptionError(option, value, DATE_FORMS);
  return Math.trunc(time);
}

function readInstant(value: unknown, timezone: string): number | null {
  if (value instanceof Date) return value.getTime();
  if (typeof value === 'number') return value;
  if (typeof value !== 'string') return null;
  const date = parseDateText(value);
  if (date === null) return null;
  return date.offset === null ? TimeZone.get(timezone).fromLocal(date.local).time : date.local - date.offset;
}

/**
 * Reads a length of time.
 *
 * @param option The option's name, for the message.
 * @param bounds The smallest and the largest that is allowed, in milliseconds.
 * @returns Milliseconds.
 * @throws InvalidOptionError When it is no duration, or out of bounds.
 */
export function toMilliseconds(
  value: Duration,
  option: string,
  { min = 0, max = Number.MAX_SAFE_INTEGER }: { readonly min?: number; readonly max?: number } = {},
): number {
  const ms = parseDuration(value);
  if (ms === null || ms < min || ms > max) {
    const least = min > 0 ? ` of at least ${formatDuration(min)}` : ' that is not negative';
    const most = max < Number.MAX_SAFE_INTEGER ? `, at most ${formatDuration(max)}` : '';
    throw new InvalidOptionError(
      option,
      value,
      `a duration${least}${most}: milliseconds, or text such as "90s", "5m" or "2h30m"`,
    );
  }
  return ms;
}

/**
 * Checks that a time zone exists.
 *
 * @param option The option's name, for the message.
 * @throws InvalidOptionError When `Intl` does not know it; the message proposes the name that was probably meant.
 */
export function assertTimezone(timezone: unknown, option: string): asserts timezone is string {
  if (typeof timezone === 'string' && isZoneName(timezone)) return;
  const near = typeof timezone === 'string' ? suggestTimezone(timezone) : null;
  const hint =
    near === null ? ', such as "Europe/Lisbon", or an offset from -14:00 to +14:00' : `; the nearest is "${near}"`;
  throw new InvalidOptionError(option, timezone, `an IANA time zone${hint}`);
}

/** The longest name of a zone that there is has 32 characters. */
const MAX_ZONE_LENGTH = 64;

function isZoneName(name: string): boolean {
  if (name.length > MAX_ZONE_LENGTH) return false;
  // Newer versions of Node take more forms of offsets than others; what one process stores, every process has to read.
  if (!/^[A-Za-z]|^[+-]\d\d:\d\d$/.test(name)) return false;
  try {
    TimeZone.get(name);
    return true;
  } catch {
    return false;
  }
}
