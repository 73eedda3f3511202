import type { Change } from '../../model/change.js';
import type { LiveRun, RunRecord, RunRequest } from '../../model/run.js';
import type { TaskRecord } from '../../model/task.js';
import { changeTo } from './change.js';
import { controlled } from './control.plan.js';
import { endedRun } from './ended.run.js';
import { mayHaveBegun } from './recovery.plan.js';

/**
 * Cancels a run. One that waits ends at once, and the value is its record. For one that is running, or may be under the lease
 * of its task, the cancel request is left in the task for its owner to find, and the value is null; a second request changes
 * nothing about the first.
 *
 * @returns null when the task has no such run under way.
 */
export function cancelRun(
  task: TaskRecord,
  now: number,
  runId: string,
  request: RunRequest,
): Change<RunRecord | null> | null {
  const run = task.state.live.find(({ id }) => id === runId);
  if (!run) return null;
  const cancelled: LiveRun = { ...run, cancel: run.cancel ?? { at: now, ...request } };
  const waits = run.status === 'waiting' && !mayHaveBegun(task, run);
  const live = waits
    ? task.state.live.filter((one) => one !== run)
    : task.state.live.map((one) => (one === run ? cancelled : one));
  const record = waits ? endedRun(task, cancelled, 'cancelled', now) : null;
  const state = { ...controlled(task.state, 'cancel', now, request), live };
  return changeTo({ ...task, state }, record, record ? [record] : []);
}
