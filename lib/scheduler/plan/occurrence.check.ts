import { read } from '../../errors/foreign.js';
import { saidTime } from '../../triggers/said.time.js';
import type { Occurrence } from '../../triggers/trigger.interface.js';

/**
 * What a trigger of somebody's own says, before it gets into a task, which it could make unreadable.
 *
 * @param after It has to be later than this, in milliseconds since the epoch; otherwise the task would run again and again.
 * @throws InvalidOptionError When it is no time.
 */
export function checkedOccurrence(next: Occurrence | null, after?: number): Occurrence | null {
  if (next === null) return null;
  const said: object = Object(next) as object;
  return { runTime: saidTime(read(said, 'runTime')), scheduledTime: saidTime(read(said, 'scheduledTime'), after) };
}
