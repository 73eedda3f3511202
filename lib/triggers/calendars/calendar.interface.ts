/**
 * Times at which nothing runs: a time is excluded if any part matches it. Plain JSON, so that a trigger can carry one.
 *
 * @publicApi
 */
export interface CalendarDefinition {
  /** Days, `'2025-12-24'`, or ranges of days with both ends included, `'2025-12-24/2026-01-02'`. */
  readonly dates?: readonly string[];
  /** Days of the week: `'sat'`, `'sunday'`, or numbers as in crontab (0 and 7 are Sunday). */
  readonly weekdays?: readonly (string | number)[];
  /** Days of every year, `'12-25'`, or ranges of them with both ends included, `'12-24/01-02'`. */
  readonly yearly?: readonly string[];
  /** Windows of every day, `'22:00-06:00'`: from the first time on, up to and without the second. */
  readonly times?: readonly string[];
  /** Other calendars, by name or in place, whose times are excluded as well. */
  readonly calendars?: readonly (string | CalendarDefinition)[];
  /** The IANA zone of its days and times; by default that of the trigger. */
  readonly timezone?: string;
}

/**
 * How a trigger names its calendar: the name under which it was registered, a definition, or several of either.
 *
 * @publicApi
 */
export type CalendarSource = string | CalendarDefinition | readonly (string | CalendarDefinition)[];

/**
 * How a time that a calendar excludes is handled: dropped, or moved to the same time of another day.
 *
 * @publicApi
 */
export type OnExcluded = 'skip' | 'next' | 'previous';

/**
 * A calendar that says which times are excluded. All times are milliseconds since the epoch.
 *
 * @publicApi
 */
export interface ExclusionCalendar {
  /**
   * The first instant after `time` that is not excluded, when `time` is; null when it is not. `Infinity` when the
   * exclusion does not end.
   */
  excludedUntil(time: number): number | null;
  /** An instant up to which, and without which, nothing is excluded from `time` on; `time` itself must not be. */
  allowedUntil(time: number): number;
}
