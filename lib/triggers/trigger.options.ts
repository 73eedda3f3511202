import type { Duration } from '../model/duration.js';
import type { DstRules } from '../time/dst.js';
import type { CalendarSource, OnExcluded } from './calendars/calendar.interface.js';
import type { CronDialect, DayMatch } from './cron/cron.fields.js';

type Moment = Date | number | string;

/**
 * The options of every trigger that has scheduled times.
 *
 * @publicApi
 */
export interface ScheduleTriggerOptions {
  /** The earliest time of the first run. An interval is counted from it. */
  readonly startAt?: Moment;
  /** The latest time of a run, inclusive. */
  readonly endAt?: Moment;
  /** The IANA zone of wall-clock times and of dates without an offset, or an offset such as `+05:30`. The scheduler's when left out. */
  readonly timezone?: string;
  /** The longest delay of a run. The delay is the same for a task and a scheduled time on every node. */
  readonly jitter?: Duration;
  /** How many runs it makes; a whole number from 1. */
  readonly maxRuns?: number;
  /** The excluded times: the name of a registered calendar, a calendar as plain data, or several of either. */
  readonly calendar?: CalendarSource;
  /** How an excluded time is handled. @default 'skip' */
  readonly onExcluded?: OnExcluded;
}

/**
 * The rules of a task for changes of clocks; `docs/triggers.md` has the defaults.
 *
 * @publicApi
 */
export type DstOptions = Partial<DstRules>;

type CronField = string | number;

/**
 * The fields of a cron schedule, each as text of a cron expression or as a number.
 *
 * @publicApi
 */
export interface CronFieldOptions {
  readonly year?: CronField;
  readonly month?: CronField;
  readonly day?: CronField;
  /** ISO 8601 week. */
  readonly week?: CronField;
  readonly dayOfWeek?: CronField;
  readonly hour?: CronField;
  readonly minute?: CronField;
  readonly second?: CronField;
}

/**
 * The options of each trigger type. Declare a custom type to add it:
 *
 * ```ts
 * declare module 'nestjs-asyncz' {
 *   interface TriggerOptionsMap {
 *     tides: { readonly harbour: string };
 *   }
 * }
 * ```
 *
 * @publicApi
 */
export interface TriggerOptionsMap {
  /** Once: at `runAt`, or now when left out. */
  date: ScheduleTriggerOptions & { readonly runAt?: Moment };
  /** At a fixed interval, in elapsed time, on a grid that begins at `startAt`. */
  interval: ScheduleTriggerOptions & {
    readonly every?: Duration;
    readonly weeks?: number;
    readonly days?: number;
    readonly hours?: number;
    readonly minutes?: number;
    readonly seconds?: number;
    readonly milliseconds?: number;
  };
  /** Every few years, months, weeks or days of the calendar, at a time of day. */
  calendarInterval: ScheduleTriggerOptions & {
    readonly years?: number;
    readonly months?: number;
    readonly weeks?: number;
    readonly days?: number;
    /** The time of day: `'02:30'` or `'02:30:15'`. */
    readonly at?: string;
    readonly dst?: DstOptions;
  };
  /** A cron expression, or fields. */
  cron: ScheduleTriggerOptions &
    CronFieldOptions & {
      readonly expression?: string;
      readonly dayMatch?: DayMatch;
      readonly dialect?: CronDialect;
      readonly dst?: DstOptions;
    };
  /** The times that all of them have in common. */
  and: ScheduleTriggerOptions & { readonly triggers: readonly TriggerOptions[] };
  /** The times of any of them. */
  or: ScheduleTriggerOptions & { readonly triggers: readonly TriggerOptions[] };
  /** A fixed delay after the end of the last run. */
  fixedDelay: ScheduleTriggerOptions & { readonly delay: Duration };
  /** A recurrence rule of RFC 5545. */
  rrule: ScheduleTriggerOptions & {
    /** The rule, or lines of iCalendar with `DTSTART`, `RRULE`, `EXDATE` and `RDATE`. */
    readonly rule: string;
    readonly exDates?: readonly Moment[];
    readonly rDates?: readonly Moment[];
    readonly dst?: DstOptions;
  };
  /** At every start of a scheduler that has the handler. */
  startup: { readonly maxRuns?: number };
  /** At every orderly stop of a scheduler that has the handler. */
  shutdown: { readonly maxRuns?: number };
}

/**
 * A trigger as users write it: its type and the options of that type.
 *
 * @publicApi
 */
export type TriggerOptions = {
  [Type in keyof TriggerOptionsMap]: { readonly type: Type } & TriggerOptionsMap[Type];
}[keyof TriggerOptionsMap];
