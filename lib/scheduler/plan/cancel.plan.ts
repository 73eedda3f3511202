import type { Change } from '../../model/change.js';
import type { LiveRun, RunRecord, RunRequest } from '../../model/run.js';
import type { TaskRecord } from '../../model/task.js';
import type { BaseTrigger } from '../../triggers/base.trigger.js';
import { changeTo, nextTimes } from './change.js';
import { controlled } from './control.plan.js';
import { endedRun } from './ended.run.js';
import { mayHaveBegun } from './recovery.plan.js';

/**
 * Cancels a run. One that waits ends at once, and the value is its record. For one that is running, or may be under the lease
 * of its task, the cancel request is left in the task for its owner to find, and the value is null; a second request changes
 * nothing about the first.
 *
 * @param triggerOf The trigger of a task: one that counts from the end of a run counts from here when its run is cancelled.
 * @returns null when the task has no such run under way.
 */
export function cancelRun(
  task: TaskRecord,
  now: number,
  runId: string,
  request: RunRequest,
  triggerOf?: (task: TaskRecord) => BaseTrigger,
): Change<RunRecord | null> | null {
  const run = task.state.live.find(({ id }) => id === runId);
  if (!run) return null;
  const cancelled: LiveRun = { ...run, cancel: run.cancel ?? { at: now, ...request } };
  const waits = run.status === 'waiting' && !mayHaveBegun(task, run);
  const live = waits
    ? task.state.live.filter((one) => one !== run)
    : task.state.live.map((one) => (one === run ? cancelled : one));
  const record = waits ? endedRun(task, cancelled, 'cancelled', now) : null;
  const { nextRunTime, exhausted } = task.state;
  const waitsForEnd = waits && run.source === 'schedule' && nextRunTime === null && !exhausted;
  const trigger = waitsForEnd ? triggerOf?.(task) : undefined;
  const times = trigger?.advance === 'completion' && nextTimes(trigger.nextOccurrence(now, now, { taskId: task.id }));
  const state = { ...controlled(task.state, 'cancel', now, request), live, ...times };
  return changeTo({ ...task, state }, record, record ? [record] : []);
}
