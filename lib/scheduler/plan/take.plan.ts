import { isDeepStrictEqual } from 'node:util';
import type { Change, TakenTask } from '../../model/change.js';
import type { LiveRun } from '../../model/run.js';
import type { TaskLease, TaskRecord } from '../../model/task.js';
import type { Claimed } from './claim.plan.js';

/**
 * How long a run may be under way under the lease of its task before what the claim made of the task is written, in
 * milliseconds. A run that ends sooner has it written with its end. Well below a second, so that a task that is due each second
 * is written once, too.
 */
export const UNWRITTEN_MS = 500;

/**
 * A task that was taken, and changed since, as it were without that lease: its first start gets the token of the taking, as it
 * does where the task is still as it was taken.
 *
 * @param previous The lease that had expired before.
 */
export function beforeTaking(task: TaskRecord, previous: TaskLease | null): TaskRecord {
  const { state } = task;
  return { ...task, state: { ...state, lease: previous, lastToken: state.lease!.token - 1 } };
}

/**
 * What a claim makes of a task that was taken: the lease of the task ends with it, and tokens never shrink.
 *
 * @param previous The lease that had expired before, where the task is given back as it was.
 */
export function afterTaking(next: TaskRecord, { token }: TaskLease, previous: TaskLease | null = null): TaskRecord {
  const { lastToken, lease } = next.state;
  if (lastToken >= token && lease === previous) return next;
  return { ...next, state: { ...next.state, lease: previous, lastToken: Math.max(lastToken, token) } };
}

/**
 * Whether the run that a claim starts may start before the claim is written: it is the only one, it may run twice if this
 * scheduler dies, nothing else is to be recorded or told, and nothing of the task is due before the claim is written at the latest.
 */
export function startsUnwritten({ task, value }: Change<Claimed>, now: number): boolean {
  if (task === null || value.history.length > 0 || value.start.length !== 1 || value.isResumed) return false;
  const { definition, state } = task;
  const isDueSoon = state.nextRunTime !== null && state.nextRunTime <= now + UNWRITTEN_MS;
  return (
    definition.policies.delivery === 'at-least-once' && state.live.length === 1 && state.problem === null && !isDueSoon
  );
}

/**
 * Brings a claim that is not written yet into the task as it is by now. What was changed meanwhile stands: a pause, an edit, a
 * new schedule, runs that were asked for.
 *
 * @param current The task as it is in the store, still under the lease of the taking.
 * @param taken The task as it was when it was taken.
 * @param planned What the claim made of it.
 */
export function adoptClaim(current: TaskRecord, { task: taken }: TakenTask, planned: TaskRecord): TaskRecord {
  if (current.version === taken.version + 1) return { ...planned, version: current.version };
  const { state } = current;
  const isRescheduled =
    !isDeepStrictEqual(current.definition.trigger, taken.definition.trigger) ||
    state.nextRunTime !== taken.state.nextRunTime ||
    state.nextScheduledTime !== taken.state.nextScheduledTime;
  const { nextScheduledTime, nextRunTime, lastScheduledTime, exhausted, scheduledCount, live } = planned.state;
  const claimed = new Map(live.map((run) => [run.id, run]));
  const kept = state.live.map((run) => withCancel(claimed.get(run.id) ?? run, run));
  for (const { id } of kept) claimed.delete(id);
  return {
    ...current,
    state: {
      ...state,
      lease: null,
      lastToken: Math.max(state.lastToken, planned.state.lastToken),
      live: [...kept, ...claimed.values()],
      ...(!isRescheduled && { nextScheduledTime, nextRunTime, lastScheduledTime, exhausted, scheduledCount }),
    },
  };
}

function withCancel(run: LiveRun, { cancel }: LiveRun): LiveRun {
  return cancel === null ? run : { ...run, cancel };
}
