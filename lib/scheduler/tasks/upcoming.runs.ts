import { isHeld } from '../../model/task.js';
import type { TaskRecord } from '../../model/task.js';
import type { BaseTrigger } from '../../triggers/base.trigger.js';
import type { Occurrence } from '../../triggers/trigger.interface.js';

/**
 * The runs of the schedule of a task that are to come: the one that is planned, and those that its trigger gives behind that, as far as
 * its `maxRuns` allow. To find one is bounded, to find many of them is not: let others have their turn in between.
 *
 * @param from From when on, in milliseconds since the epoch. What is planned and overdue comes first in any case if `from` is not
 *   later than it is asked, which is `now`.
 */
export function* upcomingRuns(
  task: TaskRecord,
  trigger: BaseTrigger,
  from: number,
  now = from,
): Generator<Occurrence, void, undefined> {
  const seed = { taskId: task.id };
  const { nextScheduledTime, nextRunTime, exhausted, scheduledCount } = task.state;
  const isPlanned =
    nextRunTime !== null && !isHeld(task.definition, task.state) && (from <= now || nextRunTime >= from);
  let next: Occurrence | null = isPlanned
    ? { scheduledTime: nextScheduledTime ?? nextRunTime, runTime: nextRunTime }
    : exhausted
      ? null
      : trigger.nextOccurrence(null, from, seed);
  const left = trigger.maxRuns === null ? Infinity : trigger.maxRuns - scheduledCount;
  for (let count = 0; next !== null && count < left; count += 1) {
    yield next;
    next = trigger.nextOccurrence(next.scheduledTime, next.runTime, seed);
  }
}
