import { InvalidTaskStateError } from '../../errors/scheduler.errors.js';
import type { Change } from '../../model/change.js';
import type { RunRequest } from '../../model/run.js';
import type { TaskRecord } from '../../model/task.js';
import type { BaseTrigger } from '../../triggers/base.trigger.js';
import { changeTo, nextTimes } from './change.js';
import { controlled } from './control.plan.js';
import { isTakenBefore } from './recovery.plan.js';

/**
 * Pauses a task. A paused one stays as it is: the first pause is the one that is kept.
 *
 * @throws InvalidTaskStateError When its trigger follows the scheduler.
 */
export function pauseTask(
  task: TaskRecord,
  now: number,
  trigger: BaseTrigger,
  request: RunRequest,
): Change<RunRequest> | null {
  refuseLifecycle(task, trigger, 'paused');
  if (task.state.pause !== null) return null;
  const state = { ...controlled(task.state, 'pause', now, request), pause: { at: now, ...request } };
  return changeTo({ ...task, state }, request);
}

/**
 * Ends the pause of a task. The times that were due during the pause are dropped; a date that has passed meanwhile runs
 * late, as its grace time allows. A task that is not paused stays as it is.
 *
 * @throws InvalidTaskStateError When its trigger follows the scheduler.
 */
export function resumeTask(
  task: TaskRecord,
  now: number,
  trigger: BaseTrigger,
  request: RunRequest,
): Change<RunRequest> | null {
  refuseLifecycle(task, trigger, 'resumed');
  const { pause, nextRunTime, lease } = task.state;
  if (pause === null) return null;
  const state = { ...controlled(task.state, 'resume', now, request), pause: null, failuresInARow: 0 };
  // A time that a scheduler has taken before the pause is not of the pause: its run may have begun.
  const wasDue = !isTakenBefore(pause, lease) && nextRunTime !== null && nextRunTime <= now;
  const times = wasDue && nextTimes(trigger.nextOccurrence(null, now, { taskId: task.id }));
  return changeTo({ ...task, state: { ...state, ...times } }, request);
}

/** A task that runs at a scheduler's start or stop has no time to pause. */
function refuseLifecycle(task: TaskRecord, { advance, type }: BaseTrigger, operation: string): void {
  if (advance !== 'startup' && advance !== 'shutdown') return;
  throw new InvalidTaskStateError(
    task.id,
    operation,
    `its trigger "${type}" follows the scheduler, not the time. Delete it instead.`,
  );
}
