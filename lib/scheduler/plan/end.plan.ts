import type { TaskPolicies } from '../../model/task.policies.js';
import type { Apply } from '../../model/change.js';
import type { LeaseRef, LiveRun, RunRecord, StoredStep } from '../../model/run.js';
import type { StoredOutput } from '../../model/run.output.js';
import type { TaskState } from '../../model/task.js';
import { changeTo, nextTimes } from './change.js';
import { keepForRedrive } from './ended.run.js';
import { withFailedRun } from './failed.run.js';
import { nextAttempt } from './recovery.plan.js';

/** How the handler of a run has put it off. */
export interface RunSleep {
  /** Until when, in milliseconds since the epoch. */
  readonly until: number;
  /** The sleeps that are kept with the run. */
  readonly steps: readonly StoredStep[];
  /** What its handler has said so far. None when left out. */
  readonly output?: StoredOutput;
}

/** The end of one attempt, as whoever holds its lease wants it written. */
export interface RunEnd extends LeaseRef {
  /** What the history keeps of it; null for an attempt that is given back unfinished. */
  readonly record: RunRecord | null;
  /** When it is tried again, in milliseconds since the epoch: a retry, or at once for one given back. null for never. */
  readonly retryAt: number | null;
  /** Where its handler has put the run off: the same attempt goes on later. */
  readonly sleep?: RunSleep | undefined;
  /** For triggers that count from the end of a run: what comes next. Undefined when the schedule is not touched. */
  readonly next?: { readonly scheduledTime: number; readonly runTime: number } | null | undefined;
}

/** What {@link endRuns} did with one end: `paused` where the failure paused the task, too. */
export type EndOutcome = 'ended' | 'paused' | 'refused';

/**
 * Ends attempts of one task. An end counts only while its run is running under its token. Who lost the lease is refused, so
 * that a process that was frozen never overwrites the newer attempt.
 *
 * @param ends The ends for this task.
 * @returns The plan. Its value says for each end, in order, what became of it.
 */
export function endRuns(ends: readonly RunEnd[]): Apply<readonly EndOutcome[]> {
  return (task, now) => {
    let { state } = task;
    const history: RunRecord[] = [];
    const outcomes: EndOutcome[] = [];
    for (const end of ends) {
      const run = state.live.find((live) => isHeld(live, end));
      if (!run) {
        outcomes.push('refused');
        continue;
      }
      const ended = endRun(state, task.definition.policies, run, end, now);
      outcomes.push(state.pause === ended.pause ? 'ended' : 'paused');
      state = ended;
      if (end.record) history.push(keepForRedrive(end.record, task.definition, run.steps));
    }
    if (outcomes.every((one) => one === 'refused')) return null;
    return changeTo({ ...task, state }, outcomes, history);
  };
}

/** Whether the run is under way under this very lease. */
export function isHeld(run: LiveRun, { runId, token }: Pick<LeaseRef, 'runId' | 'token'>): boolean {
  return run.status === 'running' && run.id === runId && run.token === token;
}

function endRun(state: TaskState, policies: TaskPolicies, run: LiveRun, end: RunEnd, now: number): TaskState {
  const { runId, record, retryAt, next, sleep } = end;
  if (sleep) return { ...state, live: replaced(state.live, run, asleep(run, sleep, now)), updatedAt: now };
  const isFinal = record?.status === 'failed' && retryAt === null;
  // One that was given back has not ended, and has not been lost either.
  const lost = record ? 0 : run.lost;
  return {
    ...(isFinal ? withFailedRun(state, policies, now) : state),
    live: retryAt === null ? without(state.live, run) : replaced(state.live, run, nextAttempt(run, retryAt, lost)),
    updatedAt: now,
    ...(record?.status === 'succeeded' && { failuresInARow: 0 }),
    ...(record && {
      lostInARow: 0,
      lastRun: { id: runId, status: record.status, startedAt: record.startedAt, endedAt: record.endedAt },
    }),
    // A trigger that the task was given in the meantime has set its own next time, which stands.
    ...(next !== undefined && state.nextRunTime === null && nextTimes(next)),
  };
}

/** The run as it waits for the same attempt to go on. One that somebody has asked to cancel is due at once, to be cancelled. */
function asleep(run: LiveRun, { until, steps, output }: RunSleep, now: number): LiveRun {
  const kept = [...(run.steps ?? []), ...steps];
  return {
    ...run,
    status: 'waiting',
    // Whoever gets so far has not died of what the attempts before have died of.
    lost: 0,
    availableAt: run.cancel === null ? until : now,
    owner: null,
    leaseUntil: null,
    startedAt: null,
    asleep: true,
    ...(kept.length > 0 && { steps: kept }),
    ...(output && { output }),
  };
}

function without(live: readonly LiveRun[], run: LiveRun): readonly LiveRun[] {
  return live.length === 1 ? [] : live.filter((one) => one !== run);
}

function replaced(live: readonly LiveRun[], run: LiveRun, by: LiveRun): readonly LiveRun[] {
  return live.map((one) => (one === run ? by : one));
}
