import { InvalidOptionError } from '../../errors/input.errors.js';
import { InvalidTaskStateError } from '../../errors/scheduler.errors.js';
import type { Change } from '../../model/change.js';
import type { RunRequest } from '../../model/run.js';
import { isDisabled } from '../../model/definition.js';
import type { TaskRecord, TaskState } from '../../model/task.js';
import type { BaseTrigger } from '../../triggers/base.trigger.js';
import { changeTo, nextTimes } from './change.js';
import { controlled } from './control.plan.js';
import { takenBeforePause } from './recovery.plan.js';
import type { Work } from './work.js';

/** Who wants a task to stand still, and until when. */
export interface PauseRequest extends RunRequest {
  /** Milliseconds since the epoch; until somebody ends it when left out. */
  readonly until?: number;
}

/**
 * Pauses a task. A paused one stays as it is: the first pause is the one that is kept, unless the new one ends later.
 *
 * @throws InvalidTaskStateError When its trigger follows the scheduler. InvalidOptionError When its end has passed.
 */
export function pauseTask(
  task: TaskRecord,
  now: number,
  trigger: BaseTrigger,
  request: PauseRequest,
): Change<PauseRequest> | null {
  refuseLifecycle(task, trigger, 'paused');
  const { pause } = task.state;
  const { until } = request;
  if (until !== undefined) checkEnd(until, now);
  if (pause !== null && (pause.until === undefined || (until ?? Infinity) <= pause.until)) return null;
  const state = { ...controlled(task.state, 'pause', now, request), pause: { ...request, at: pause?.at ?? now } };
  return changeTo({ ...task, state }, request);
}

/** @throws InvalidOptionError When the end of a pause has passed. */
export function checkEnd(until: number, now: number): void {
  if (until > now) return;
  throw new InvalidOptionError('until', new Date(until), `a time after now, which is ${new Date(now).toISOString()}`);
}

/**
 * Ends a pause whose end has come. As when somebody ends it then: what was due during the pause is dropped, and what was due
 * since is not.
 *
 * @param trigger null where it cannot be asked.
 */
export function endDuePause(work: Work, trigger: BaseTrigger | null): void {
  const { task, state, now } = work;
  const until = state.pause?.until;
  if (until === undefined || until > now) return;
  const times = trigger && timesAfterHold({ ...task, state }, until, trigger);
  Object.assign(state, { pause: null, failuresInARow: 0, lostInARow: 0 }, times);
  work.isResumed = true;
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
  if (task.state.pause === null) return null;
  const state = { ...controlled(task.state, 'resume', now, request), pause: null, failuresInARow: 0, lostInARow: 0 };
  const times = timesAfterHold(task, now, trigger);
  return changeTo({ ...task, state: { ...state, ...times } }, request);
}

/**
 * When a task runs that stood still, because it was paused or disabled: the times that were due meanwhile are dropped.
 *
 * @returns Nothing when no time was due.
 */
export function timesAfterHold(task: TaskRecord, now: number, trigger: BaseTrigger): Partial<TaskState> {
  const { nextRunTime, lease } = task.state;
  // A time that a scheduler has taken before the hold is not of the hold: its run may have begun. Nobody takes what is disabled.
  const takenAt = takenBeforePause(task) ?? (isDisabled(task.definition) ? lease?.at : null) ?? -Infinity;
  const wasDue = nextRunTime !== null && nextRunTime <= now && nextRunTime > takenAt;
  return wasDue ? nextTimes(trigger.nextOccurrence(null, now, { taskId: task.id })) : {};
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
