import type { Duration } from './duration.js';

/**
 * What is expected of a task. Where it does not happen, one of the schedulers that share its store emits `task.late` or `task.silent`, and
 * `task.recovered` later.
 *
 * @publicApi
 */
export interface ExpectOptions {
  /** How long after it was due a run of the schedule has to have started. */
  readonly startWithin?: Duration | null;
  /** How long after its scheduled time a run of the schedule has to be over, retries and waiting included. */
  readonly endWithin?: Duration | null;
  /** How much time may pass from the end of one run that succeeded to the next, also while the task is paused. */
  readonly everyAtLeast?: Duration | null;
}

/** The same as it is stored, in milliseconds; null for what is not expected. @publicApi */
export interface ExpectPolicy {
  readonly startWithinMs: number | null;
  readonly endWithinMs: number | null;
  readonly everyAtLeastMs: number | null;
}

/** The shortest that can be expected, in milliseconds: what is shorter than the time between two looks is not seen. */
export const SHORTEST_EXPECT_MS = 1_000;
