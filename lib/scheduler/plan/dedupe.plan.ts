import { TaskConflictError } from '../../errors/task.errors.js';
import type { Change } from '../../model/change.js';
import { scheduledRunId } from '../../model/run.js';
import type { LiveRun } from '../../model/run.js';
import { isIdle } from '../../model/task.js';
import type { TaskRecord, TaskState } from '../../model/task.js';
import { changeTo } from './change.js';
import { mayHaveBegun } from './recovery.plan.js';
import { waitingRun } from './waiting.run.js';

/**
 * What becomes of a task that is asked for again: see `DedupeOptions`.
 *
 * @publicApi
 */
export type DedupeMode = 'skip' | 'replace' | 'debounce' | 'throttle';

/** What becomes of a task that is asked for again, checked. */
export interface Dedupe {
  readonly mode: DedupeMode;
  /** With `debounce` and `throttle`, in milliseconds; null for the others. */
  readonly forMs: number | null;
}

/** What a call has done to what was there: begun it anew, or changed what waits. */
export type Settled = 'added' | 'replaced';

/** A task as it is added where there is none of its key. */
export function firstOf(fresh: TaskRecord, { mode, forMs }: Dedupe, now: number): TaskRecord {
  if (mode !== 'throttle') return fresh;
  return { ...fresh, definition: { ...fresh.definition, throttledUntil: now + forMs! } };
}

/**
 * What is asked for once more becomes of the task of its key. Runs that have begun, or may have, stay as they are, and so does a
 * pause.
 *
 * @param fresh The task as it would be added.
 * @returns null to leave it as it is.
 * @throws TaskConflictError When the task is one that the code declares.
 */
export function dedupeTask(old: TaskRecord, now: number, fresh: TaskRecord, dedupe: Dedupe): Change<Settled> | null {
  if (old.definition.origin !== 'runtime') throw new TaskConflictError(old.id);
  const { mode, forMs } = dedupe;
  const taken = takenRun(old);
  const begun = old.state.live.filter((run) => !isToCome(old, run));
  const waits = (taken === null && !old.state.exhausted) || begun.length < old.state.live.length;
  const isBusy = waits || !isIdle(old.state);
  if (mode === 'skip' && isBusy) return null;
  if (mode === 'throttle' && (waits || isThrottled(old, now))) return null;
  const first = firstOf(fresh, dedupe, now);
  const next = mode === 'debounce' ? movedTo(first, now + forMs!) : first;
  const state: TaskState = {
    ...old.state,
    updatedAt: now,
    problem: null,
    scheduledCount: 0,
    live: taken === null ? begun : [...begun, taken],
    ...timesOf(next.state, lastTaken(old)),
  };
  return changeTo({ ...next, state }, waits ? 'replaced' : 'added');
}

/** Whether nothing is added for the key of a task, although it may have run by now. */
export function isThrottled({ definition }: TaskRecord, now: number): boolean {
  return definition.throttledUntil !== undefined && definition.throttledUntil > now;
}

/** Removes a task that is only there for its key to be throttled, when it is not any more; null when it is to stay. */
export function dropThrottled(task: TaskRecord, now: number): Change<null> | null {
  const { definition, state } = task;
  if (definition.origin !== 'runtime' || definition.throttledUntil === undefined) return null;
  return isThrottled(task, now) || !state.exhausted || !isIdle(state) ? null : { task: null, value: null };
}

/**
 * The run that may have begun under the lease of its task, as one that waits: it would not be found once the due time that it is
 * of is another one. Who holds the lease knows it by its id, and who finds the lease expired counts it as lost.
 */
function takenRun({ id, definition, state }: TaskRecord): LiveRun | null {
  const { lease, nextRunTime, nextScheduledTime, live } = state;
  // Of a task that repeats, which of its due times the run is of is not known here.
  if (definition.trigger.type !== 'date' || lease === null || nextRunTime === null || nextRunTime > lease.at)
    return null;
  const { misfireGraceMs } = definition.policies;
  if (misfireGraceMs !== null && lease.at - nextRunTime > misfireGraceMs) return null;
  const scheduledTime = nextScheduledTime ?? nextRunTime;
  const runId = scheduledRunId(id, scheduledTime);
  if (live.some((run) => run.id === runId)) return null;
  return waitingRun({ id: runId, source: 'schedule', scheduledTime, availableAt: nextRunTime });
}

/** Whether a run has not begun: it was made of a due time that waits for its turn. */
function isToCome(task: TaskRecord, run: LiveRun): boolean {
  // One that its handler has put off has begun.
  if (run.status !== 'waiting' || run.asleep) return false;
  return run.source === 'schedule' && run.attempt === 1 && !mayHaveBegun(task, run);
}

/** A task that runs once, at another time, in milliseconds since the epoch. */
function movedTo(task: TaskRecord, at: number): TaskRecord {
  const { definition, state } = task;
  const trigger = { ...definition.trigger, runAt: new Date(at).toISOString() };
  return {
    ...task,
    definition: { ...definition, trigger },
    state: { ...state, nextScheduledTime: at, nextRunTime: at },
  };
}

/** The latest scheduled time that has a run already: no second run may have the same id. */
function lastTaken({ state }: TaskRecord): number {
  const { lastScheduledTime, lease, nextScheduledTime, nextRunTime, live } = state;
  const leased = lease === null ? null : (nextScheduledTime ?? nextRunTime);
  return Math.max(lastScheduledTime ?? -Infinity, leased ?? -Infinity, ...live.map((run) => run.scheduledTime));
}

/** The first times of a task, moved behind one that has a run already. */
function timesOf(
  { nextScheduledTime, nextRunTime, exhausted }: TaskState,
  after: number,
): Pick<TaskState, 'nextScheduledTime' | 'nextRunTime' | 'exhausted'> {
  const isTaken = nextScheduledTime !== null && nextScheduledTime <= after;
  return { nextScheduledTime: isTaken ? after + 1 : nextScheduledTime, nextRunTime, exhausted };
}
