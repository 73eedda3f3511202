import type { Clock } from '../model/clock.js';
import { Deadline } from '../time/deadline.js';

/** How long after its timeout a stop may take, in milliseconds: aborted handlers end in that time, and stores are closed. */
export const CLOSING_MS = 5_000;

/** How long after the abort of a stop handlers may still end, in milliseconds. The rest is for the stores. */
export const ABORTED_MS = 2_000;

/**
 * How long listeners are waited for, and lifecycle tasks that clean up, in milliseconds: what they have to tell of the last runs is
 * told.
 */
export const LAST_WORDS_MS = 2_000;

/** The time that a stop has: for the runs under way, and to its end. */
export class StopTime {
  /** Until when runs under way are waited for. */
  readonly runs: Deadline;
  /** Until when everything is over, whatever hangs. */
  readonly end: Deadline;

  /** @param timeoutMs How long runs under way are waited for, in milliseconds. */
  constructor(clock: Clock, timeoutMs: number) {
    this.runs = new Deadline(clock, timeoutMs);
    this.end = new Deadline(clock, timeoutMs + CLOSING_MS);
  }

  /** Somebody asked again, and wants to wait no longer than this, in milliseconds. */
  bringForward(timeoutMs: number): void {
    this.runs.bringForward(timeoutMs);
    this.end.bringForward(timeoutMs + CLOSING_MS);
  }
}
