import type { Change } from '../../model/change.js';
import type { RunRecord } from '../../model/run.js';
import { isIdle } from '../../model/task.js';
import type { TaskRecord, TaskState } from '../../model/task.js';
import type { Occurrence } from '../../triggers/trigger.interface.js';
import { keptRuns } from './kept.runs.js';
import { checkedOccurrence } from './occurrence.check.js';

/**
 * Whether the task is done and is removed with its last run. One that the code declares stays, or the next start would add
 * it and run it again; and so does one whose key is throttled, for as long as that is.
 */
export function isSpent({ definition, state }: TaskRecord): boolean {
  const { origin, throttledUntil } = definition;
  if (origin !== 'runtime' || !state.exhausted || !isIdle(state)) return false;
  return throttledUntil === undefined || throttledUntil <= state.updatedAt;
}

/**
 * The change to `next`; a task that has nothing left to run is deleted.
 *
 * @param ended The attempts that ended: the history gets those that the task's policy keeps.
 */
export function changeTo<T>(next: TaskRecord, value: T, ended: readonly RunRecord[] = []): Change<T> {
  return { task: isSpent(next) ? null : next, history: keptRuns(ended, next.definition), value };
}

/**
 * The part of a task's state that says when its trigger fires next; null: never again.
 *
 * @throws InvalidOptionError When it is no time.
 */
export function nextTimes(said: Occurrence | null): Pick<TaskState, 'nextScheduledTime' | 'nextRunTime' | 'exhausted'> {
  const next = checkedOccurrence(said);
  return {
    nextScheduledTime: next?.scheduledTime ?? null,
    nextRunTime: next?.runTime ?? null,
    exhausted: next === null,
  };
}
