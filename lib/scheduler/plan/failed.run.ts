import { backoffMs } from '../../model/backoff.js';
import type { LiveRun } from '../../model/run.js';
import type { TaskPolicies } from '../../model/task.policies.js';
import type { TaskState } from '../../model/task.js';

/**
 * How much later the next scheduled run starts of a task whose runs are lost, one after the other, for good: what ends one
 * process after the other must not do so at the pace of its schedule.
 */
const HOLD_BACK = { firstMs: 60_000, longestMs: 3_600_000 };

/** The state of a task with one more run that failed or was lost for good: too many in a row pause it. */
export function withFailedRun(state: TaskState, { pauseAfterFailures: limit }: TaskPolicies, now: number): TaskState {
  const failuresInARow = state.failuresInARow + 1;
  const pauses = limit !== null && failuresInARow >= limit && state.pause === null;
  const pause = pauses ? { at: now, actor: null, reason: `${failuresInARow} failed runs in a row` } : state.pause;
  return { ...state, failuresInARow, pause };
}

/**
 * Whether the next loss of a run is its last. All that was under way in a process is lost with it, and is tried again
 * together; so one process has no more than one of these under way, or what ends it would take the others with it for good.
 */
export function isLastChance({ lost }: Pick<LiveRun, 'lost'>, { maxLost }: TaskPolicies): boolean {
  return lost > 0 && lost >= maxLost - 1;
}

/** How much later a scheduled run starts because of those that were lost before it, in milliseconds. */
export function holdBackMs({ lostInARow }: TaskState, { maxLost }: TaskPolicies): number {
  return lostInARow < maxLost ? 0 : backoffMs(HOLD_BACK, lostInARow - maxLost + 1);
}
