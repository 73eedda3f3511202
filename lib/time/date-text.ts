import { DAY_MS, daysFromCivil, daysInMonth } from './civil.js';

/** A date as text gives it: a wall-clock time, or an instant when it has an offset. */
export interface ParsedDate {
  /** The wall-clock time, as the milliseconds that it would have in UTC. */
  readonly local: number;
  /** Milliseconds that the given offset is ahead of UTC; null when the text has none. */
  readonly offset: number | null;
}

// The forms of ISO 8601 that name a day of the month, and those of the model system: one-digit months and days, and a
// blank for the "T". With a blank the seconds are needed, so that "10:30" is never read as minutes and seconds.
const DATE = /^(\d{4})-(\d{1,2})-(\d{1,2})/;
const TIME = /^(?:[T ](\d{1,2}):(\d{1,2}):(\d{1,2})(?:\.(\d{1,9}))?|T(\d{2}):(\d{2}))/;
const OFFSET = /^(?:Z|([+-])(\d{2}):(\d{2}))$/;

/** What {@link parseDateText} reads, for error messages. */
export const DATE_FORMS = 'a Date, milliseconds since the epoch, or ISO 8601 text such as "2025-03-01T09:30:00+01:00"';

/** Reads a date, or gives null when the text is none. Fractions of a second are cut off at the millisecond. */
export function parseDateText(text: string): ParsedDate | null {
  const date = DATE.exec(text);
  if (!date) return null;
  const [year, month, day] = [Number(date[1]), Number(date[2]), Number(date[3])];
  if (month < 1 || month > 12 || day < 1 || day > daysInMonth(year, month)) return null;
  const midnight = daysFromCivil(year, month, day) * DAY_MS;
  const rest = text.slice(date[0].length);
  if (rest === '') return { local: midnight, offset: null };
  const time = TIME.exec(rest);
  if (!time) return null;
  const hour = Number(time[1] ?? time[5]);
  const minute = Number(time[2] ?? time[6]);
  const second = Number(time[3] ?? 0);
  if (hour > 23 || minute > 59 || second > 59) return null;
  const fraction = Number((time[4] ?? '').padEnd(3, '0').slice(0, 3));
  const local = midnight + ((hour * 60 + minute) * 60 + second) * 1_000 + fraction;
  return withOffset(local, rest.slice(time[0].length));
}

function withOffset(local: number, text: string): ParsedDate | null {
  if (text === '') return { local, offset: null };
  const offset = OFFSET.exec(text);
  if (!offset) return null;
  if (offset[1] === undefined) return { local, offset: 0 };
  const [hours, minutes] = [Number(offset[2]), Number(offset[3])];
  if (hours > 23 || minutes > 59) return null;
  return { local, offset: (offset[1] === '-' ? -1 : 1) * (hours * 60 + minutes) * 60_000 };
}
