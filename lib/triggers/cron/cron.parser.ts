import { InvalidOptionError } from '../../errors/input.errors.js';
import { nearestName } from '../../errors/nearest-name.js';
import { CronSyntaxError } from '../../errors/trigger.errors.js';
import { parseCronField } from './cron.field-parser.js';
import { anyValue, CRON_FIELD_NAMES, smallestValue } from './cron.fields.js';
import type { CronDialect, CronField, CronFieldName, CronSchedule, DayMatch } from './cron.fields.js';

/** The fields of an expression in the order in which they are written. */
const ORDER: readonly CronFieldName[] = ['second', 'minute', 'hour', 'day', 'month', 'dayOfWeek', 'year'];

const MACROS: Readonly<Record<string, string>> = {
  '@yearly': '0 0 1 1 *',
  '@annually': '0 0 1 1 *',
  '@monthly': '0 0 1 * *',
  '@weekly': '0 0 * * 0',
  '@daily': '0 0 * * *',
  '@midnight': '0 0 * * *',
  '@hourly': '0 * * * *',
};

/** Longer ones are refused unread: a list of every second of the year is a few hundred characters. */
const MAX_LENGTH = 1_000;

/** What is longer was not written by a person, and no slip is looked for in it. */
const MAX_REPAIRED = 60;

/**
 * Reads a cron expression.
 *
 * @param dayMatch `or`, as crontab has it, for the standard dialect, and `and` for the model system's, unless given.
 * @throws CronSyntaxError Which points at the character.
 * @throws InvalidOptionError When it is no text.
 */
export function parseCronExpression(expression: unknown, dialect: CronDialect, dayMatch?: DayMatch): CronSchedule {
  if (typeof expression !== 'string') {
    throw new InvalidOptionError('expression', expression, 'a text such as "0 2 * * *"');
  }
  if (expression.length > MAX_LENGTH) {
    fail(expression, MAX_LENGTH, 1, `it has ${expression.length} characters`, null, `at most ${MAX_LENGTH} characters`);
  }
  const match = dayMatch ?? (dialect === 'standard' ? 'or' : 'and');
  try {
    return parse(expression, dialect, match);
  } catch (error) {
    if (!(error instanceof CronSyntaxError) || error.suggestion !== null || dialect !== 'standard') throw error;
    const suggestion = repair(expression);
    throw suggestion === null ? error : error.withSuggestion(suggestion);
  }
}

function parse(expression: string, dialect: CronDialect, dayMatch: DayMatch): CronSchedule {
  if (dialect === 'standard' && expression.trimStart().startsWith('@')) {
    return parse(macro(expression), dialect, dayMatch);
  }
  const parts = split(expression);
  const [least, most] = dialect === 'standard' ? [5, 7] : [5, 5];
  if (parts.length < least || parts.length > most) failCount(expression, parts.length, dialect);
  const fields = new Map<CronFieldName, CronField>();
  const names = parts.length === 5 ? ORDER.slice(1, 6) : ORDER.slice(0, parts.length);
  for (const [index, name] of names.entries()) {
    const [start, end] = parts[index]!;
    fields.set(name, parseCronField(expression, name, 'expression', dialect, start, end));
  }
  return {
    dayMatch,
    fields: complete((name) => fields.get(name) ?? (name === 'second' ? smallestValue(name) : anyValue(name))),
  };
}

/**
 * Reads fields that are given one by one. Those that are more significant than the least significant given one match
 * everything, those that are less significant their smallest value; with none given, every second.
 *
 * @throws CronSyntaxError, InvalidOptionError
 */
export function parseCronFields(
  values: Readonly<Partial<Record<CronFieldName, unknown>>>,
  dialect: CronDialect,
  dayMatch: DayMatch = 'and',
): CronSchedule {
  const given = CRON_FIELD_NAMES.filter((name) => values[name] !== undefined && values[name] !== null);
  const least = given.length === 0 ? CRON_FIELD_NAMES.length : CRON_FIELD_NAMES.indexOf(given.at(-1)!);
  return {
    dayMatch,
    fields: complete((name) => {
      if (given.includes(name)) return parseCronField(fieldText(name, values[name]), name, 'fields', dialect);
      if (CRON_FIELD_NAMES.indexOf(name) < least) return anyValue(name);
      // A week or a weekday is no part of a date: left out, it restricts nothing.
      return name === 'week' || name === 'dayOfWeek' ? anyValue(name) : smallestValue(name);
    }),
  };
}

function fieldText(name: CronFieldName, value: unknown): string {
  if (typeof value === 'number') return String(value);
  if (typeof value !== 'string') throw new InvalidOptionError(name, value, 'a number or a text such as "*/5"');
  if (value.length > MAX_LENGTH) throw new InvalidOptionError(name, value, `at most ${MAX_LENGTH} characters`);
  return value;
}

function complete(fieldOf: (name: CronFieldName) => CronField): Record<CronFieldName, CronField> {
  return Object.fromEntries(CRON_FIELD_NAMES.map((name) => [name, fieldOf(name)])) as Record<CronFieldName, CronField>;
}

/** The places of the parts between blanks. */
function split(expression: string): [number, number][] {
  const parts: [number, number][] = [];
  for (const match of expression.matchAll(/\S+/g)) parts.push([match.index, match.index + match[0].length]);
  return parts;
}

function macro(expression: string): string {
  const name = expression.trim().toLowerCase();
  const found = Object.hasOwn(MACROS, name) ? MACROS[name] : undefined;
  if (found !== undefined) return found;
  const start = expression.indexOf('@');
  const allowed = Object.keys(MACROS).join(', ');
  return fail(expression, start, name.length, `${name} is not known`, macroSuggestion(name), allowed);
}

function macroSuggestion(name: string): string | null {
  if (name === '@reboot') return '{ type: "startup" }';
  if (name.startsWith('@every')) return '{ type: "interval", every: "5m" }';
  return /^@[a-z]+$/.test(name) ? nearestName(name, Object.keys(MACROS), 2) : null;
}

function failCount(expression: string, count: number, dialect: CronDialect): never {
  const allowed =
    dialect === 'standard'
      ? '5 fields (minute hour day month weekday), 6 (second first), 7 (second first, year last), or a name such as @daily'
      : '5 fields (minute hour day month weekday)';
  const words = count === 1 ? '1 field' : `${count} fields`;
  fail(expression, 0, expression.length, `it has ${words}`, null, allowed);
}

/** Tries the slips that are made most, and proposes the first that gives a schedule. */
function repair(expression: string): string | null {
  // Only what looks like a slip is worth the tries.
  if (expression.length > MAX_REPAIRED || !/^[0-9a-z*?,/#\s-]+$/i.test(expression)) return null;
  const parts = split(expression).map(([start, end]) => expression.slice(start, end));
  if (parts.length === 1) {
    if (!/^[a-z]+$/i.test(expression)) return null;
    const name = nearestName(`@${parts[0]!.toLowerCase()}`, Object.keys(MACROS), 2);
    return name === null ? null : `"${name}"`;
  }
  const first = parts.length > 5 ? 1 : 0;
  const candidates: [readonly string[], string][] = [];
  if (parts.length === 4) candidates.push([[...parts, '*'], 'with the weekday last']);
  if (parts.length === 6) candidates.push([['0', ...parts], 'with the second first']);
  if (parts.length >= 5 && parts.length <= 7) {
    candidates.push([swapped(parts, first), 'the minute comes before the hour']);
    candidates.push([swapped(parts, first + 2), 'the day comes before the month']);
    candidates.push([swapped(parts, first + 3), 'the month comes before the weekday']);
  }
  for (const [candidate, reason] of candidates) {
    const text = candidate.join(' ');
    if (isValid(text)) return `"${text}" (${reason})`;
  }
  return null;
}

function swapped(parts: readonly string[], index: number): string[] {
  const copy = [...parts];
  [copy[index], copy[index + 1]] = [parts[index + 1]!, parts[index]!];
  return copy;
}

function isValid(expression: string): boolean {
  try {
    parse(expression, 'standard', 'or');
    return true;
  } catch {
    return false;
  }
}

function fail(
  expression: string,
  position: number,
  length: number,
  found: string,
  suggestion: string | null,
  allowed: string,
): never {
  throw new CronSyntaxError({ expression, position, length, field: null, found, allowed, suggestion });
}
