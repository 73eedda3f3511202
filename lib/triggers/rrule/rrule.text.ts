import { InvalidOptionError } from '../../errors/input.errors.js';
import { assertTimezone, toInstant } from '../../time/inputs.js';
import { given } from '../option.readers.js';
import type { TriggerData } from '../trigger.interface.js';

/** A line of iCalendar: a name, parameters, a value (RFC 5545, section 3.1). */
const LINE = /^(DTSTART|RRULE|EXDATE|RDATE)((?:;[^:;]+)*):(.+)$/i;

const DATE = /^(\d{4})(\d{2})(\d{2})(?:T(\d{2})(\d{2})(\d{2})(Z)?)?$/i;

/**
 * Takes the lines of iCalendar text apart into options: `DTSTART` becomes `startAt` and its zone, `EXDATE` and `RDATE`
 * become `exDates` and `rDates`. A rule without lines stays as it is.
 *
 * @param timezone The IANA zone where the text and the options name none.
 * @throws InvalidOptionError
 */
export function unfoldRRule(data: TriggerData, timezone: string): TriggerData {
  const { rule } = data;
  if (typeof rule !== 'string' || rule.length > 10_000) {
    throw new InvalidOptionError('rule', rule, 'a recurrence rule such as "FREQ=WEEKLY;BYDAY=MO,FR"');
  }
  if (!/[:\n]/.test(rule)) return data;
  // A line that goes on begins with a blank.
  const lines = rule
    .replace(/\r?\n[ \t]/g, '')
    .split(/\r?\n/)
    .filter((line) => line.trim() !== '');
  const found: Record<string, unknown> = {};
  const read = lines.map((line) => readLine(line.trim()));
  const zone = given(data.timezone) ? data.timezone : (read.find(({ name }) => name === 'DTSTART')?.zone ?? timezone);
  assertTimezone(zone, 'timezone');
  for (const { name, value, zone: own } of read) {
    if (name === 'RRULE') add(found, data, 'rule', value);
    else if (name === 'DTSTART') add(found, data, 'startAt', new Date(instantOf(value, own ?? zone)).toISOString());
    else {
      const option = name === 'EXDATE' ? 'exDates' : 'rDates';
      const dates = value.split(',').map((date) => new Date(instantOf(date, own ?? zone)).toISOString());
      found[option] = [...((found[option] ?? data[option] ?? []) as string[]), ...dates];
    }
  }
  return { ...data, rule: undefined, timezone: zone, ...found };
}

function readLine(line: string): { name: string; value: string; zone: string | null } {
  const match = LINE.exec(line);
  if (!match) throw new InvalidOptionError('rule', line, 'lines of DTSTART, RRULE, EXDATE and RDATE');
  const zone = /;TZID=([^;]+)/i.exec(match[2]!)?.[1] ?? null;
  return { name: match[1]!.toUpperCase(), value: match[3]!, zone };
}

function add(found: Record<string, unknown>, data: TriggerData, option: string, value: string): void {
  if (found[option] !== undefined || (option !== 'rule' && given(data[option]))) {
    throw new InvalidOptionError(option, value, 'one, in the text or as an option');
  }
  found[option] = value;
}

function instantOf(text: string, timezone: string): number {
  return toInstant(isoOf(text) ?? text, 'rule', timezone);
}

/** A date of iCalendar as ISO 8601; null when it is none. */
export function isoOf(text: string): string | null {
  const match = DATE.exec(text.trim());
  if (!match) return null;
  const [, year, month, day, hour, minute, second, utc = ''] = match;
  const date = `${year}-${month}-${day}`;
  return hour === undefined ? date : `${date}T${hour}:${minute}:${second}${utc.toUpperCase()}`;
}
