import type { Duration } from '../../model/duration.js';
import type { Overlap } from '../../model/task.policies.js';
import type { TaskFilter } from '../../scheduler/tasks/task.filter.js';
import type { TimeInput } from '../../scheduler/tasks/task.options.js';

/**
 * Of which tasks the next runs are foretold, and for which time.
 *
 * @publicApi
 */
export interface ForecastOptions extends Omit<TaskFilter, 'state'> {
  /** Now when left out. */
  readonly from?: TimeInput;
  /** A day after `from` when left out, and at most 366 days after it. */
  readonly to?: TimeInput;
  /** How long a bucket of the load is, from a minute; at most 1,000 of them. @default '1h' */
  readonly bucket?: Duration;
  /** The IANA zone in which buckets begin on the full hour or day, and whose wall clock they show. The scheduler's when left out. */
  readonly zone?: string;
  /** How many runs are listed, 0 to 10,000: the first ones. @default 200 */
  readonly limit?: number;
  /** How many tasks are looked at, 1 to 100,000. @default 10000 */
  readonly maxTasks?: number;
  /** How many times are found one by one, 1 to 50,000. @default 20000 */
  readonly maxTimes?: number;
  /** How many tasks that start in the same second are told, from 2. @default 10 */
  readonly sameSecond?: number;
  /** After how long it ends with what it has, 100 ms to 10 minutes. @default '10s' */
  readonly timeout?: Duration;
}

/** A run that is to come. @publicApi */
export interface ForecastRun {
  readonly at: Date;
  readonly taskId: string;
  readonly store: string;
  /** The median of its run times; null where it never ran. */
  readonly expectedMs: number | null;
  /** Set when a change of clocks touched its time. */
  readonly dst: 'gap' | 'overlap' | null;
  /** The calendar that moved it. */
  readonly movedByCalendar: string | null;
}

/** What is to be expected in a part of the time. @publicApi */
export interface ForecastBucket {
  readonly start: Date;
  readonly end: Date;
  /** The start on the wall clock of the zone: `2026-03-29T03:00`. */
  readonly local: string;
  /** How many runs start. */
  readonly starts: number;
  /** For how long runs are under way in it, all of them together, in milliseconds. */
  readonly busyMs: number;
  /** How many runs are under way on average. */
  readonly average: number;
  /** How many are under way at the same time at the most, of those that are found one by one. */
  readonly peak: number;
}

/** A task whose next run comes before the last one is over, by how long its runs take. @publicApi */
export interface ForecastOverlap {
  readonly taskId: string;
  readonly store: string;
  readonly overlap: Overlap;
  /** How many of its times come while a run is under way. */
  readonly count: number;
  readonly first: Date;
  /** The shortest time between two of its times, in milliseconds. */
  readonly gapMs: number;
  /** One run in twenty takes so long, or longer. */
  readonly p95Ms: number;
  /** How many runs were measured. */
  readonly measured: number;
}

/** How many runs of a task are to come. @publicApi */
export interface ForecastTask {
  readonly taskId: string;
  readonly store: string;
  readonly handler: string;
  readonly runs: number;
  readonly first: Date | null;
  /** The median of its run times, in milliseconds; null where it never ran. */
  readonly expectedMs: number | null;
}

/**
 * The runs that are to come, and the load that they make, as far as run times were measured. All of it has a form in JSON.
 *
 * @publicApi
 */
export interface Forecast {
  readonly from: Date;
  readonly to: Date;
  readonly zone: string;
  /** How many runs are to come. */
  readonly total: number;
  /** The first of them. */
  readonly runs: readonly ForecastRun[];
  /** The tasks with runs to come: the 1,000 with the most. */
  readonly tasks: readonly ForecastTask[];
  readonly buckets: readonly ForecastBucket[];
  /** Those with the most times that overlap first, 100 at the most. */
  readonly overlaps: readonly ForecastOverlap[];
  /** The seconds in which the most tasks start, 100 at the most. */
  readonly sameSecond: readonly { readonly at: Date; readonly count: number; readonly some: readonly string[] }[];
  /** How many tasks have no times that can be foretold: they follow the end of their own runs, or the start of a scheduler. */
  readonly unforeseen: number;
  /** What was left out, a sentence each; empty when all is in it. */
  readonly leftOut: readonly string[];
}
