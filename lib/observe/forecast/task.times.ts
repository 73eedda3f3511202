import type { TaskRecord } from '../../model/task.js';
import { upcomingRuns } from '../../scheduler/tasks/upcoming.runs.js';
import type { WorkPace } from '../../scheduler/tasks/work.pace.js';
import type { BaseTrigger } from '../../triggers/base.trigger.js';
import type { Occurrence } from '../../triggers/trigger.interface.js';

/** Past this many times of one task in the range they are counted, and not found one by one. */
const MOST_OF_ONE = 2_000;

/** The times of a task in a range: found one by one, or only counted. */
export type TaskTimes =
  | { readonly listed: readonly Occurrence[]; readonly isCut: boolean }
  | { readonly counted: (from: number, to: number) => number };

/**
 * The times of a task from `from` up to `to`, at most `most` of them one by one.
 *
 * @param now When it is asked: what is overdue starts then.
 */
export async function timesOf(
  task: TaskRecord,
  trigger: BaseTrigger,
  { from, to, now, most }: { from: number; to: number; now: number; most: number },
  pace: WorkPace,
): Promise<TaskTimes> {
  const seed = { taskId: task.id };
  const many = trigger.maxRuns === null ? countOf(trigger, from, to, task.id) : null;
  if (many !== null && many > MOST_OF_ONE)
    return { counted: (start, end) => trigger.countBetween(start, end - 1, seed) ?? 0 };
  const listed: Occurrence[] = [];
  for (const next of upcomingRuns(task, trigger, from, now)) {
    // A trigger of somebody's own may say anything.
    if (!Number.isFinite(next.runTime) || next.runTime >= to) break;
    if (listed.length >= Math.min(most, MOST_OF_ONE)) return { listed, isCut: trigger.advance === 'schedule' };
    listed.push(next);
    await pace.rest();
  }
  return { listed, isCut: false };
}

function countOf(trigger: BaseTrigger, from: number, to: number, taskId: string): number | null {
  try {
    return trigger.countBetween(from, to - 1, { taskId });
  } catch {
    // A search that takes too long: they are looked for one by one then.
    return null;
  }
}
