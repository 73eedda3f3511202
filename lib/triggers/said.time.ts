import { InvalidOptionError } from '../errors/input.errors.js';
import { takePromise } from '../errors/returned.js';

/** The times that a `Date` can hold, in milliseconds on either side of the epoch. */
const MAX_TIME = 8_640_000_000_000_000;

/**
 * The time that a trigger of somebody's own gave, before it gets into a search or a task.
 *
 * @param after It has to be later than this, in milliseconds since the epoch: otherwise its task would run again and again.
 * @throws InvalidOptionError When it is no time.
 */
export function saidTime(said: unknown, after = -Infinity): number {
  if (typeof said === 'number' && Math.abs(said) <= MAX_TIME && said > after) return said;
  takePromise(said);
  const later = after === -Infinity ? '' : `, later than ${after}`;
  throw new InvalidOptionError('nextTime()', said, `milliseconds since the epoch${later}, or null`);
}
