import { InvalidOptionError } from '../../errors/input.errors.js';
import { CronSyntaxError } from '../../errors/trigger.errors.js';
import { DIALECTS } from './cron.dialects.js';
import { parseCronField } from './cron.field-parser.js';
import { MACROS, macroMeant, otherDialect, otherNotation, repair } from './cron.hints.js';
import { anyValue, CRON_FIELD_NAMES, smallestValue } from './cron.fields.js';
import type { CronDialect, CronField, CronFieldName, CronSchedule, DayMatch } from './cron.fields.js';

/** Longer ones are refused unread: a list of every second of the year is a few hundred characters. */
const MAX_LENGTH = 1_000;

/**
 * Reads a cron expression.
 *
 * @param dayMatch That of the dialect unless given.
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
  const match = dayMatch ?? DIALECTS[dialect].dayMatch;
  refuseOtherNotations(expression);
  try {
    return parse(expression, dialect, match);
  } catch (error) {
    if (!(error instanceof CronSyntaxError)) throw error;
    const isValid = (text: string, other: CronDialect): boolean => {
      try {
        parse(text, other, 'or');
        return true;
      } catch {
        return false;
      }
    };
    const suggestion = otherDialect(expression, dialect, isValid);
    if (suggestion !== null) throw error.withSuggestion(suggestion);
    if (error.suggestion !== null || dialect !== 'standard') throw error;
    const repaired = repair(expression, (text) => isValid(text, 'standard'));
    throw repaired === null ? error : error.withSuggestion(repaired);
  }
}

function parse(expression: string, dialect: CronDialect, dayMatch: DayMatch): CronSchedule {
  const rules = DIALECTS[dialect];
  if (rules.macros && expression.trimStart().startsWith('@')) {
    return parse(macro(expression), 'standard', dayMatch);
  }
  const parts = split(expression);
  const names = rules.forms.find(({ length }) => length === parts.length);
  if (names === undefined) {
    const found = `it has ${parts.length === 1 ? '1 field' : `${parts.length} fields`}`;
    fail(expression, 0, expression.length, found, null, rules.formsInWords);
  }
  const fields = new Map<CronFieldName, CronField>();
  for (const [index, name] of names.entries()) {
    const [start, end] = parts[index]!;
    fields.set(name, parseCronField(expression, name, 'expression', dialect, start, end));
  }
  checkUnsaid(expression, dialect, new Map(names.map((name, index) => [name, parts[index]!])));
  return {
    dayMatch,
    fields: complete((name) => fields.get(name) ?? (name === 'second' ? smallestValue(name) : anyValue(name))),
  };
}

/**
 * Checks what a `?` says of the days. Quartz and EventBridge want one in just one of the two fields. In crontab it is an
 * extension, taken from there: numbers of weekdays beside it most likely came along, and 1 would be another day.
 */
function checkUnsaid(expression: string, dialect: CronDialect, places: ReadonlyMap<CronFieldName, Place>): void {
  const { needsUnsaid } = DIALECTS[dialect];
  const textOf = (name: CronFieldName): string => expression.slice(...places.get(name)!);
  const [day, weekday] = [textOf('day'), textOf('dayOfWeek')];
  const [start, end] = places.get('dayOfWeek')!;
  if (needsUnsaid && (day === '?') === (weekday === '?')) {
    const found = day === '?' ? 'both fields of days are "?"' : 'none of the fields of days is "?"';
    fail(expression, start, end - start, found, null, '"?" as the day of the month or as the day of the week');
  }
  // 0 is no weekday of theirs, so what has it is of crontab.
  const numbers: readonly string[] = weekday.replace(/[/#]\w+/g, '').match(/\d+/g) ?? [];
  if (dialect === 'standard' && day === '?' && numbers.length > 0 && !numbers.includes('0')) {
    fail(
      expression,
      start,
      end - start,
      'numbers of weekdays beside "?" are those of Quartz and EventBridge, where 1 is Sunday',
      places.size === 5 ? `"${expression.replace('?', '*')}" (1 is Monday)` : null,
      'names such as mon-fri, "*" in place of "?", or a dialect that says how days are numbered',
    );
  }
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

/** Where a field begins and ends. */
type Place = readonly [number, number];

/** The places of the parts between blanks. */
function split(expression: string): Place[] {
  const parts: Place[] = [];
  for (const match of expression.matchAll(/\S+/g)) parts.push([match.index, match.index + match[0].length]);
  return parts;
}

function macro(expression: string): string {
  const name = expression.trim().toLowerCase();
  const found = Object.hasOwn(MACROS, name) ? MACROS[name] : undefined;
  if (found !== undefined) return found;
  const start = expression.indexOf('@');
  const allowed = Object.keys(MACROS).join(', ');
  return fail(expression, start, name.length, `${name} is not known`, macroMeant(name), allowed);
}

/** Notations around an expression that are options here: the zone of Go's cron, `cron(…)` and `rate(…)` of EventBridge. */
function refuseOtherNotations(expression: string): void {
  const suggestion = otherNotation(expression);
  if (suggestion === null) return;
  const { found, meant } = suggestion;
  fail(expression, 0, expression.length, found, meant, 'the fields alone');
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
