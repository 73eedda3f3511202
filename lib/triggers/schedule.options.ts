import { InvalidOptionError, rejectUnknownOptions } from '../errors/input.errors.js';
import { namesOf } from '../model/names.js';
import type { Duration } from '../model/duration.js';
import { DAY_MS, MAX_INSTANT, MIN_INSTANT } from '../time/civil.js';
import { assertTimezone, toInstant, toMilliseconds } from '../time/inputs.js';
import type { CalendarSource, ExclusionCalendar, OnExcluded } from './calendars/calendar.interface.js';
import { given, readChoice } from './option.readers.js';
import type { TriggerData } from './trigger.interface.js';
import type { ScheduleTriggerOptions, TriggerOptionsMap } from './trigger.options.js';
import type { TriggerContext } from './trigger.context.js';

/** The options that every trigger with times of its own takes. */
const SCHEDULE_OPTIONS = namesOf<keyof ScheduleTriggerOptions>({
  startAt: 0,
  endAt: 0,
  timezone: 0,
  jitter: 0,
  maxRuns: 0,
  calendar: 0,
  onExcluded: 0,
});

/** The longest interval, delay or jitter: a thousand years, so that every sum with a date is a date. */
export const MAX_LENGTH_MS = 1_000 * 365 * DAY_MS;

/** The options that only this type of trigger has. */
export type OwnOption<Type extends keyof TriggerOptionsMap> = Exclude<
  keyof TriggerOptionsMap[Type],
  keyof ScheduleTriggerOptions
>;

/** A calendar as a trigger uses it. */
export interface CalendarUse {
  readonly source: CalendarSource;
  readonly onExcluded: OnExcluded;
  /** The calendar as it is now. */
  readonly current: () => ExclusionCalendar;
}

/** {@link SCHEDULE_OPTIONS}, read and checked. Times are milliseconds since the epoch. */
export interface ScheduleOptions {
  readonly startAt: number | null;
  /** False for a start that follows from the moment of creation. */
  readonly startIsGiven: boolean;
  /** Inclusive. */
  readonly endAt: number | null;
  readonly timezone: string;
  readonly jitterMs: number;
  readonly maxRuns: number | null;
  readonly calendar: CalendarUse | null;
}

/**
 * Reads the common options of a trigger and refuses unknown ones.
 *
 * @param own The names of the type's own options.
 * @throws InvalidOptionError, UnknownOptionError, UnknownNameError
 */
export function readScheduleOptions(
  data: TriggerData,
  context: TriggerContext,
  own: readonly string[] = NO_OPTIONS,
): ScheduleOptions {
  rejectUnknownOptions(`the "${data.type}" trigger`, data, allowedBeside(own));
  const timezone = readTimezone(data, context);
  return {
    startAt: given(data.startAt) ? readMoment(data.startAt, 'startAt', timezone) : null,
    startIsGiven: given(data.startAt),
    endAt: given(data.endAt) ? readMoment(data.endAt, 'endAt', timezone) : null,
    timezone,
    jitterMs: given(data.jitter) ? readLength(data.jitter, 'jitter') : 0,
    maxRuns: readMaxRuns(data),
    calendar: readCalendar(data, context, timezone),
  };
}

const NO_OPTIONS: readonly string[] = [];

/** The names that a type takes, by the list of its own, so that they are put together once. */
const allowed = new WeakMap<readonly string[], readonly string[]>();

function allowedBeside(own: readonly string[]): readonly string[] {
  let names = allowed.get(own);
  if (!names) allowed.set(own, (names = ['type', ...own, ...SCHEDULE_OPTIONS]));
  return names;
}

/** The common options as they are stored: nothing in them depends on the moment or the place of reading. */
export function writeScheduleOptions(options: ScheduleOptions): Record<string, unknown> {
  const { startAt, endAt, jitterMs, maxRuns, calendar, timezone } = options;
  const written: Record<string, unknown> = { timezone };
  if (startAt !== null) written.startAt = new Date(startAt).toISOString();
  if (endAt !== null) written.endAt = new Date(endAt).toISOString();
  if (jitterMs > 0) written.jitter = jitterMs;
  if (maxRuns !== null) written.maxRuns = maxRuns;
  if (calendar !== null) Object.assign(written, { calendar: calendar.source, onExcluded: calendar.onExcluded });
  return written;
}

/**
 * An instant of a schedule.
 *
 * @throws InvalidOptionError When it is none, or not of the years 1 to 9999: no clock shows others in a way that all databases
 *   keep.
 */
export function readMoment(value: unknown, option: string, timezone: string): number {
  const time = toInstant(value, option, timezone);
  if (time < MIN_INSTANT || time > MAX_INSTANT) {
    throw new InvalidOptionError(option, value, 'a date of the years 1 to 9999');
  }
  return time;
}

/**
 * A length of time in whole milliseconds.
 *
 * @throws InvalidOptionError When it is none, or longer than {@link MAX_LENGTH_MS}.
 */
export function readLength(value: unknown, option: string, min = 0): number {
  return Math.round(toMilliseconds(value as Duration, option, { min, max: MAX_LENGTH_MS }));
}

/** The zone of a trigger: its own, or that of the scheduler. An empty text, as configurations have it, is none. */
export function readTimezone(data: TriggerData, { timezone }: { readonly timezone: string }): string {
  const zone = given(data.timezone) && data.timezone !== '' ? data.timezone : timezone;
  assertTimezone(zone, 'timezone');
  return zone;
}

/** How many runs a trigger allows; null for no limit. */
export function readMaxRuns({ maxRuns }: TriggerData): number | null {
  if (!given(maxRuns)) return null;
  if (!Number.isSafeInteger(maxRuns) || (maxRuns as number) < 1) {
    throw new InvalidOptionError('maxRuns', maxRuns, 'a whole number from 1');
  }
  return maxRuns as number;
}

function readCalendar(data: TriggerData, context: TriggerContext, timezone: string): CalendarUse | null {
  if (!given(data.calendar)) {
    if (given(data.onExcluded)) {
      throw new InvalidOptionError('onExcluded', data.onExcluded, 'nothing without a calendar');
    }
    return null;
  }
  const onExcluded = readChoice<OnExcluded>(data.onExcluded, 'onExcluded', ['skip', 'next', 'previous']) ?? 'skip';
  const current = context.calendar(data.calendar as CalendarSource, timezone);
  // A copy, so that what the trigger stores is what it uses, whatever becomes of the caller's object.
  return { source: structuredClone(data.calendar) as CalendarSource, onExcluded, current };
}
