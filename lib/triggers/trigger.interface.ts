import type { TriggerData } from '../model/definition.js';

/**
 * What advances a trigger. Almost all follow the `schedule`. The others follow something that only the engine knows: the end
 * of the task's last run, the start or the stop of a scheduler.
 *
 * @publicApi
 */
export type TriggerAdvance = 'schedule' | 'completion' | 'startup' | 'shutdown';

/**
 * One time of a schedule. All times are milliseconds since the epoch.
 *
 * @publicApi
 */
export interface Occurrence {
  /** The time on the trigger's own grid: it names the run, and the next one is computed from it. */
  readonly scheduledTime: number;
  /** When it is to run: the scheduled time, moved by jitter or to another business day. */
  readonly runTime: number;
  /**
   * Set when a change of clocks touched it. `gap`: its wall-clock time is skipped that day and it was moved. `overlap`: its
   * wall-clock time comes twice that day, and the trigger's rule chose between the two or took both.
   */
  readonly dst?: 'gap' | 'overlap';
  /** Set when an exclusion calendar moved it. */
  readonly movedByCalendar?: string;
}

/**
 * The due times of a trigger from a next run time to now, computed without a list: see {@link BaseTrigger.catchUp}.
 *
 * @publicApi
 */
export interface CatchUp {
  /** How many occurrences lie in the span, both ends included. 0 when the first is still to come. */
  readonly count: number;
  /** The latest occurrence that is not after now; null when `count` is 0. */
  readonly latest: Occurrence | null;
  /** The first occurrence after now; null when the trigger is exhausted. */
  readonly next: Occurrence | null;
}

/**
 * The input of a trigger beside the times.
 *
 * @publicApi
 */
export interface TriggerSeed {
  /** The task's id: seeds jitter and `H`, so that every replica computes the same. */
  readonly taskId: string;
}

/**
 * The input of {@link TriggerRegistry.create} beside the options.
 *
 * @publicApi
 */
export interface TriggerCreation {
  /** The moment of creation, in milliseconds since the epoch: a date without `runAt`, an interval without `startAt`. */
  readonly now: number;
  /** The IANA zone for triggers that name none. */
  readonly timezone: string;
  /**
   * Whether to refuse options that Asyncz accepts and that can only be a mistake, such as an interval of zero. True for the
   * triggers of tasks.
   *
   * @default false
   */
  readonly strict?: boolean;
}

/**
 * The data of a trigger as it is stored: plain JSON.
 *
 * @publicApi
 */
export type { TriggerData };
