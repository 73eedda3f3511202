import { SystemClock } from '../../model/clock.js';

/**
 * The machine's own clock: how long another process takes to answer is no matter of the clock that a scheduler, or a
 * test, goes by.
 */
export const MACHINE = new SystemClock();

/** Waits, in milliseconds of the machine. */
export function pause(ms: number): Promise<void> {
  return new Promise((resolve) => MACHINE.schedule(resolve, ms));
}
