import { SystemClock } from '../model/clock.js';
import type { Clock } from '../model/clock.js';

/**
 * The clock with whole milliseconds on the wall, however finely it counts: a fraction would end up in fencing tokens and
 * columns of integers, and make records that cannot be read.
 */
export function wholeClock(clock: Clock): Clock {
  if (clock instanceof SystemClock) return clock;
  return {
    now: () => Math.floor(clock.now()),
    monotonic: () => clock.monotonic(),
    schedule: (callback, delayMs) => clock.schedule(callback, delayMs),
  };
}
