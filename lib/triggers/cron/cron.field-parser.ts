import { formatDuration } from '../../model/duration.js';
import { WEEKDAY_NAMES } from './cron.fields.js';
import type { CronDialect, CronField, CronFieldName, CronItem } from './cron.fields.js';
import { CronScanner } from './cron.scanner.js';
import { isSpecial, resolveValues } from './cron.tables.js';
import type { CronValue } from './cron.scanner.js';

/** Where a field stands: between the others of an expression, or alone under its name, where blanks are possible. */
export type CronForm = 'expression' | 'fields';

/** A part of a field's list, and whether it starts with `*`. */
interface ParsedItem {
  readonly item: CronItem;
  readonly wildcard: boolean;
}

/** The fields that `H` makes sense in. */
const HASHED: ReadonlySet<CronFieldName> = new Set(['second', 'minute', 'hour', 'day', 'month', 'dayOfWeek']);

/** The last day that every month has: what `H` may choose from. */
const LAST_COMMON_DAY = 28;

const ORDINALS: Readonly<Record<string, number>> = { '1st': 1, '2nd': 2, '3rd': 3, '4th': 4, '5th': 5, last: -1 };

/**
 * Reads one field.
 *
 * @param expression The whole text, for messages; the field is what lies between `start` and `end` in it.
 * @throws CronSyntaxError
 */
export function parseCronField(
  expression: string,
  name: CronFieldName,
  form: CronForm,
  dialect: CronDialect,
  start = 0,
  end = expression.length,
): CronField {
  const scanner = new CronScanner(expression, name, start, end, dialect);
  const parse = dialect === 'asyncz' ? parseStrictItem : parseItem;
  const items: CronItem[] = [];
  let wildcard = false;
  do {
    scanner.skipBlanks();
    const parsed = parse(scanner, form);
    items.push(parsed.item);
    wildcard ||= parsed.wildcard;
    scanner.skipBlanks();
    if (!scanner.atEnd && scanner.peek() !== ',') {
      scanner.failHere(`${scanner.describeHere()} does not belong here`, misplaced(scanner));
    }
  } while (scanner.take(','));
  const text = expression.slice(start, end).trim();
  return { items, wildcard: wildcard || isWhole(items, scanner), any: text === '*' || text === '?' };
}

/** Whether the field is `*`, or steps over it, in other words: `0-23` and `0-23/2` are `*` and its half. */
function isWhole(items: readonly CronItem[], { field, range: { min, max } }: CronScanner): boolean {
  if (items.some((item) => item.kind === 'range' && item.from === min && item.to === max)) return true;
  if (items.some(isSpecial) || field === 'year') return false;
  const plain = items.filter(({ kind }) => kind === 'range');
  return resolveValues({ items: plain, any: false, wildcard: false }, field, '')
    .subarray(min)
    .every((value) => value === 1);
}

function misplaced(scanner: CronScanner): string | null {
  const rest = scanner.rest().toLowerCase();
  if (rest.startsWith('am') || rest.startsWith('pm')) return 'an hour from 0 to 23';
  return null;
}

function parseItem(scanner: CronScanner, form: CronForm): ParsedItem {
  const special = parseSpecial(scanner, form);
  if (special !== null) return { item: special, wildcard: false };
  const { min, max } = scanner.range;
  const wildcard = takeAny(scanner);
  if (wildcard) return { item: rangeItem(min, max, takeStep(scanner) ?? 1), wildcard };
  const from = scanner.value();
  const to = scanner.take('-') ? scanner.value() : null;
  const step = takeStep(scanner);
  // Sunday by its name closes a week that starts on Monday.
  const isReversed = to !== null && to.value < from.value && !(to.named && to.value === 0);
  if (isReversed && (scanner.field === 'year' || !scanner.rules.wrapsAround)) failReversed(scanner, from, to);
  if (scanner.field === 'dayOfWeek') return { item: weekdayRange(from.value, to?.value ?? null, step), wildcard };
  if (to === null) return { item: rangeItem(from.value, step === null ? from.value : max, step ?? 1), wildcard };
  return { item: rangeItem(from.value, to.value, step ?? 1), wildcard };
}

function rangeItem(from: number, to: number, step: number): CronItem {
  return { kind: 'range', from, to, step };
}

/** Weekdays with 7 for Sunday: at the end of a range it closes the week, elsewhere it is 0. */
function weekdayRange(from: number, to: number | null, step: number | null): CronItem {
  if (to === null) return rangeItem(from % 7, step === null ? from % 7 : 6, step ?? 1);
  if (from === 7) return rangeItem(0, to % 7, step ?? 1);
  // 0-7 is the week, once.
  if (to === 7) return rangeItem(from, from === 0 ? 6 : 0, step ?? 1);
  return rangeItem(from, to, step ?? 1);
}

function takeAny(scanner: CronScanner): boolean {
  if (scanner.take('*')) return true;
  if (scanner.peek() !== '?') return false;
  if (scanner.field !== 'day' && scanner.field !== 'dayOfWeek') {
    scanner.failHere('"?" stands for any day, and this is no field of days', '"*"');
  }
  return scanner.take('?');
}

function takeStep(scanner: CronScanner): number | null {
  if (!scanner.take('/')) return null;
  const step = scanner.digits();
  if (step === null) return scanner.failHere(`${scanner.describeHere()} where a step from 1 is expected`);
  if (step.value === 0) scanner.fail('a step of 0 goes nowhere', step.position, step.length, '"1"');
  checkStep(scanner, step.value, step.position, step.length);
  return step.value;
}

/** What a step that is longer than its field is an interval of. */
const STEP_UNITS: Readonly<Partial<Record<CronFieldName, (step: number) => string>>> = {
  second: (step) => `{ type: "interval", every: "${formatDuration(step * 1_000)}" }`,
  minute: (step) => `{ type: "interval", every: "${formatDuration(step * 60_000)}" }`,
  hour: (step) => `{ type: "interval", every: "${formatDuration(step * 3_600_000)}" }`,
  day: (step) => `{ type: "calendarInterval", days: ${step} }`,
  month: (step) => `{ type: "calendarInterval", months: ${step} }`,
  dayOfWeek: (step) => `{ type: "calendarInterval", days: ${step} }`,
  week: (step) => `{ type: "calendarInterval", weeks: ${step} }`,
};

/**
 * A step starts anew with each hour, day or year: every 90 minutes would be every hour.
 */
function checkStep(scanner: CronScanner, step: number, position: number, length: number): void {
  const { min, max, words } = scanner.range;
  const size = max - min + 1;
  if (step <= size) return;
  const suggestion = step <= 999_999 ? (STEP_UNITS[scanner.field]?.(step) ?? null) : null;
  scanner.fail(`a step of ${step} is longer than the ${size} values of the ${words}`, position, length, suggestion);
}

/** The forms that are not a range, found by looking at the whole part, since names share their letters. */
function parseSpecial(scanner: CronScanner, form: CronForm): CronItem | null {
  const hashed = scanner.rules.extensions && HASHED.has(scanner.field) ? parseHash(scanner) : null;
  if (hashed !== null) return hashed;
  if (scanner.field === 'day') return parseDay(scanner) ?? (form === 'fields' ? parseOrdinal(scanner) : null);
  return scanner.field === 'dayOfWeek' ? parseWeekday(scanner) : null;
}

function parseHash(scanner: CronScanner): CronItem | null {
  const match = /^H(?:\((\d{1,2})-(\d{1,2})\))?(?:\/(\d{1,2}))?\s*$/i.exec(scanner.rest());
  if (!match) return null;
  const { min, max } = scanner.range;
  const from = match[1] === undefined ? min : Number(match[1]);
  const to = match[2] === undefined ? (scanner.field === 'day' ? LAST_COMMON_DAY : max) : Number(match[2]);
  const step = match[3] === undefined ? null : Number(match[3]);
  if (from < min || to > max || from > to) {
    scanner.fail(`H(${from}-${to}) is no range of it`, scanner.position, match[0].trimEnd().length);
  }
  if (step === 0) scanner.fail('a step of 0 goes nowhere', scanner.position, match[0].trimEnd().length, '"H"');
  if (step !== null) checkStep(scanner, step, scanner.position, match[0].trimEnd().length);
  scanner.advance(match[0].length);
  return { kind: 'hash', from, to, step };
}

function parseDay(scanner: CronScanner): CronItem | null {
  const match = /^(?:(L)(?:-(\d{1,2}))?(W)?|(\d{1,2})?W)\s*$/i.exec(scanner.rest());
  if (!match) return null;
  const [text, last, before = '0', workday, day] = match;
  if (last === undefined) {
    if (day === undefined) return scanner.rules.extensions ? taken(scanner, text, { kind: 'workdays' }) : null;
    if (Number(day) < 1 || Number(day) > 31) {
      scanner.failValue({ value: Number(day), named: false, position: scanner.position, length: day.length });
    }
    return taken(scanner, text, { kind: 'nearestWorkday', day: Number(day) });
  }
  if (Number(before) > 30) {
    scanner.fail(`no month has a day ${before} days before its last`, scanner.position + 2, before.length);
  }
  const kind = workday === undefined ? 'last' : 'lastWorkday';
  return taken(scanner, text, { kind, before: Number(before) });
}

function taken(scanner: CronScanner, text: string, item: CronItem): CronItem {
  scanner.advance(text.length);
  return item;
}

/** `last`, `2nd fri`, `last sun`: the forms of the model system for the day of the month. */
function parseOrdinal(scanner: CronScanner): CronItem | null {
  const match = /^(1st|2nd|3rd|4th|5th|last)(?:([ \t]+)([a-z]+))?\s*$/i.exec(scanner.rest());
  if (!match) return null;
  const [text, ordinal, blanks, weekday] = match;
  if (weekday === undefined) {
    if (ordinal!.toLowerCase() === 'last') return taken(scanner, text, { kind: 'last', before: 0 });
    scanner.advance(text.trimEnd().length);
    return scanner.failHere(`the weekday is missing after "${ordinal}"`, `"${ordinal} fri"`);
  }
  scanner.advance(ordinal!.length + blanks!.length);
  const { value } = scanner.name(WEEKDAY_NAMES, 0);
  return { kind: 'nth', weekday: value, nth: ORDINALS[ordinal!.toLowerCase()]! };
}

/** `5#2`, `fri#2`, `5#L`, `5L`. */
function parseWeekday(scanner: CronScanner): CronItem | null {
  const rest = scanner.rest();
  if (scanner.rules.lastOfWeek && /^L\s*$/i.test(rest)) return taken(scanner, rest, rangeItem(6, 6, 1));
  if (/^L\d?\s*$/i.test(rest)) {
    const day = rest[1] ?? '5';
    scanner.failHere('"L" needs its weekday before it', `"${day}L"`);
  }
  const match = /^(\d|[a-z]{3})(?:#(\d+|L)|L)\s*$/i.exec(rest);
  if (!match) return null;
  if (match[2]?.toUpperCase() === 'L' && !scanner.rules.extensions) return null;
  const weekday = WEEKDAY_NAMES.indexOf(match[1]!.toLowerCase());
  const first = scanner.rules.weekdays === 'sun1' ? 1 : 0;
  const number = weekday === -1 ? Number(match[1]) - first : weekday;
  if (!(number >= 0 && number <= 7 - first)) return null;
  const nth = match[2] === undefined || match[2].toUpperCase() === 'L' ? -1 : Number(match[2]);
  if (nth === 0 || nth > 5) {
    scanner.fail(
      `no month has a weekday number ${match[2]}`,
      scanner.position + match[1]!.length + 1,
      match[2]!.length,
    );
  }
  return taken(scanner, match[0], { kind: 'nth', weekday: number % 7, nth });
}

/** The grammar of the model system: no wrap-around, no mixed names, no step that is longer than its range. */
function parseStrictItem(scanner: CronScanner): ParsedItem {
  const ordinal = scanner.field === 'day' ? parseOrdinal(scanner) : null;
  if (ordinal !== null) return { item: ordinal, wildcard: false };
  const { min, max } = scanner.range;
  const weekdays = scanner.field === 'dayOfWeek';
  // Its weekdays count from Monday.
  const names = weekdays ? [...WEEKDAY_NAMES.slice(1), WEEKDAY_NAMES[0]!] : scanner.range.names;
  const wildcard = scanner.take('*');
  const from = wildcard ? null : scanner.value(names);
  let to = null;
  if (from !== null && scanner.take('-')) {
    to = scanner.value(names);
    if (to.named !== from.named) scanner.fail('a name and a number in one range', to.position, to.length);
    if (to.value < from.value) failReversed(scanner, from, to);
  }
  const at = scanner.position;
  const step = from?.named ? null : takeStep(scanner);
  const first = from?.value ?? min;
  const last = to?.value ?? (from === null || step !== null ? max : first);
  if (step !== null && step > last - first) {
    scanner.fail(`the step ${step} is longer than the range ${first}-${last}`, at, scanner.position - at);
  }
  const item = weekdays ? rangeItem((first + 1) % 7, (last + 1) % 7, step ?? 1) : rangeItem(first, last, step ?? 1);
  return { item, wildcard };
}

function failReversed(scanner: CronScanner, from: CronValue, to: CronValue): never {
  const text = scanner.expression.slice(from.position, to.position + to.length);
  const [first, second] = text.split('-');
  scanner.fail(`the range ${text} goes backwards`, from.position, text.length, `"${second}-${first}"`);
}
