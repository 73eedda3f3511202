import { InvalidOptionError } from '../../errors/input.errors.js';
import { formatDuration } from '../../model/duration.js';
import type { Duration } from '../../model/duration.js';
import { MAX_SLEEP_MS } from '../../model/step.bounds.js';
import { toMilliseconds } from '../../time/inputs.js';

/**
 * Until when a handler puts its run off, in milliseconds since the epoch.
 *
 * @param now The store's clock.
 * @throws InvalidOptionError For what is neither a duration nor a date, and for more than ten years.
 */
export function wakeTime(until: Duration | Date, now: number): number {
  if (!(until instanceof Date)) return now + Math.ceil(toMilliseconds(until, 'until', { max: MAX_SLEEP_MS }));
  if (until.getTime() <= now + MAX_SLEEP_MS) return until.getTime();
  throw new InvalidOptionError('until', until, `a date within ${formatDuration(MAX_SLEEP_MS)} from now`);
}
