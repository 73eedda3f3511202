import { MAX_COUNT } from '../../model/bounds.js';
import type { TakenTask } from '../../model/change.js';
import { isDisabled } from '../../model/definition.js';
import { isLimited } from '../../model/limits.js';
import type { LiveRun } from '../../model/run.js';
import { scheduledRunId } from '../../model/run.js';
import type { TaskRecord } from '../../model/task.js';
import { startRun } from './start.plan.js';
import { waitingRun } from './waiting.run.js';

/**
 * Whether a task that was taken is due for one run and nothing else: a date of a task that was added at run time and that
 * nothing has happened to. Most runs of a busy store are of such tasks, so that a claim need not work out what is known: it
 * makes of the task what {@link simpleClaim} says, and if the run succeeds, nothing is left of the task. A test holds both
 * against `planClaim` and `endRuns`.
 *
 * @param now The store's clock when it was taken, in milliseconds since the epoch.
 */
export function isSimple({ definition, state }: TaskRecord, now: number): boolean {
  const { trigger, policies, origin } = definition;
  if (trigger.type !== 'date' || origin !== 'runtime' || isDisabled(definition)) return false;
  // A calendar may not be known here, which is a fault of the task.
  if (trigger.maxRuns !== undefined || trigger.calendar !== undefined) return false;
  if (definition.throttledUntil !== undefined) return false;
  if (policies.delivery !== 'at-least-once' || isLimited(policies)) return false;
  const { nextRunTime } = state;
  if (nextRunTime === null || nextRunTime > now || state.live.length > 0) return false;
  if (state.lease !== null || state.pause !== null || state.problem !== null) return false;
  if (state.lostInARow >= policies.maxLost || state.lastToken >= MAX_COUNT) return false;
  return policies.misfireGraceMs === null || now - nextRunTime <= policies.misfireGraceMs;
}

/** The time that the run of a simple task is for. */
export function simpleTime({ state }: TaskRecord): number {
  return state.nextScheduledTime ?? state.nextRunTime!;
}

/** What a claim makes of a simple task, and the run that it starts. */
export function simpleClaim({ task, lease }: TakenTask): { readonly record: TaskRecord; readonly run: LiveRun } {
  const { state } = task;
  const { at: now, owner, token, until } = lease;
  const scheduledTime = simpleTime(task);
  const id = scheduledRunId(task.id, scheduledTime);
  const waiting = waitingRun({ id, source: 'schedule', scheduledTime, availableAt: state.nextRunTime! });
  const run = startRun(state, waiting, { owner, leaseMs: until - now }, now);
  const record = {
    ...task,
    state: {
      ...state,
      updatedAt: now,
      scheduledCount: state.scheduledCount + 1,
      lastScheduledTime: scheduledTime,
      nextScheduledTime: null,
      nextRunTime: null,
      exhausted: true,
      lastToken: token,
      live: [run],
    },
  };
  return { record, run };
}
