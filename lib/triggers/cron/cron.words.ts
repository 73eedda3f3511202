import cronstrue from 'cronstrue';
import { CRON_RANGES } from './cron.fields.js';
import type { CronField, CronFieldName, CronItem, CronSchedule } from './cron.fields.js';

/** The fields of an expression in the order in which the library reads them. */
const ORDER: readonly CronFieldName[] = ['second', 'minute', 'hour', 'day', 'month', 'dayOfWeek', 'year'];

type Texts = Readonly<Record<CronFieldName, string>>;

/**
 * A cron schedule in words, by the library that knows how to say it; by its text where the library does not.
 *
 * @param text The schedule as it was written.
 */
export function cronInWords(schedule: CronSchedule, text: string): string {
  const texts = toTexts(schedule);
  try {
    if (texts !== null) return sentence(schedule, texts);
  } catch {
    // The library has no words for it.
  }
  const hashed = Object.values(schedule.fields).some(({ items }) => items.some(({ kind }) => kind === 'hash'));
  return `by the cron schedule ${text}${hashed ? ', H being chosen by the task' : ''}`;
}

function sentence({ fields, dayMatch }: CronSchedule, texts: Texts): string {
  const polish = (words: string): string => words.replace(', Monday through Friday', ' on weekdays');
  if (fields.day.any || fields.dayOfWeek.any) return lowerFirst(polish(say(texts)));
  // The library says "and" of two fields of days, whichever is meant; so they are said apart and joined here.
  const clock = say({ ...texts, day: '*', dayOfWeek: '*', month: '*', year: '*' });
  const all = say({ ...texts, day: '*', dayOfWeek: '*' });
  const day = rest(say({ ...texts, dayOfWeek: '*', month: '*', year: '*' }), clock);
  const weekday = rest(polish(say({ ...texts, day: '*', month: '*', year: '*' })), clock);
  const joint = dayMatch === 'or' ? ' or ' : ', if also ';
  const which = weekday.replace(/^,? (?:only )?/, '');
  return `${lowerFirst(clock)}${day}${joint}${which}${rest(all, clock)}`;
}

function say(texts: Texts): string {
  return cronstrue.toString(ORDER.map((name) => texts[name]).join(' '), { use24HourTimeFormat: true });
}

function rest(words: string, start: string): string {
  if (!words.startsWith(start)) throw new Error('The words do not continue each other.');
  return words.slice(start.length);
}

function lowerFirst(text: string): string {
  return text.charAt(0).toLowerCase() + text.slice(1);
}

/** The fields as the library takes them; null when it has no form for one of them. */
function toTexts({ fields }: CronSchedule): Texts | null {
  if (!fields.week.any) return null;
  // "2nd fri" is a day for us and a weekday for the library.
  const moved = fields.dayOfWeek.any && fields.day.items.every((item) => item.kind === 'nth');
  const effective = moved ? { ...fields, day: fields.dayOfWeek, dayOfWeek: fields.day } : fields;
  const texts = ORDER.map((name) => [name, fieldText(name, effective[name])] as const);
  return texts.some(([, text]) => text === null) ? null : (Object.fromEntries(texts) as Record<CronFieldName, string>);
}

function fieldText(name: CronFieldName, field: CronField): string | null {
  if (field.any) return '*';
  // In lists the library misreads all but plain numbers.
  if (field.items.length > 1 && field.items.some((item) => item.kind !== 'range')) return null;
  const parts = field.items.map((item) => itemText(name, item));
  return parts.includes(null) ? null : parts.join(',');
}

function itemText(name: CronFieldName, item: CronItem): string | null {
  switch (item.kind) {
    case 'range': {
      const { min, max } = CRON_RANGES[name];
      const { from, to, step } = item;
      if (from === to) return String(from);
      const whole = from === min && to === max;
      if (step === 1) return whole ? '*' : `${from}-${to}`;
      if (to === max && !isEven(name, item)) return listed(item);
      if (whole) return `*/${step}`;
      if (to === max) return `${from}/${step}`;
      return to > from && step > to - from ? String(from) : `${from}-${to}/${step}`;
    }
    case 'last':
      return item.before === 0 ? 'L' : `L-${item.before}`;
    case 'nearestWorkday':
      return `${item.day}W`;
    case 'lastWorkday':
      return item.before === 0 ? 'LW' : null;
    case 'nth':
      return item.nth === -1 ? `${item.weekday}L` : `${item.weekday}#${item.nth}`;
    default:
      return null;
  }
}

/**
 * Whether a step comes as often at the end of its field as within it, so that "every 15 minutes" is what happens. It is not of
 * 45 minutes, nor of any number of days, since months differ.
 */
function isEven(name: CronFieldName, { from, step }: Extract<CronItem, { kind: 'range' }>): boolean {
  if (name === 'year') return true;
  if (name === 'day' || name === 'dayOfWeek' || name === 'week') return false;
  const { min, max } = CRON_RANGES[name];
  const size = max - min + 1;
  return size % step === 0 && step < size && from - min < step;
}

/** The values of a step one by one. */
function listed({ from, to, step }: Extract<CronItem, { kind: 'range' }>): string {
  const values: number[] = [];
  for (let value = from; value <= to; value += step) values.push(value);
  return values.join(',');
}
