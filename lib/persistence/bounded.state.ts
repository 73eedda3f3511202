import { MAX_COUNT, MAX_INTEGER, MAX_TIME } from '../model/bounds.js';
import type { LiveRun, RunRecord } from '../model/run.js';
import type { TaskState } from '../model/task.js';

/**
 * The state with every number within what is read back. A count stays at its largest, and a time at the last that there
 * is, such as that of a retry after a delay without end: so no change writes a record that nobody can read. Times are whole
 * milliseconds, as columns of integers hold them; a fraction is rounded up, so that nothing is due too early.
 *
 * Tokens are left alone, since one that stays the same protects nothing: a plan refuses to give out more of them.
 */
export function boundedState(state: TaskState): TaskState {
  if (isBounded(state)) return state;
  const { nextScheduledTime, nextRunTime, scheduledCount, failuresInARow, lease, live, problem } = state;
  return {
    ...state,
    nextScheduledTime: boundedTime(nextScheduledTime),
    nextRunTime: boundedTime(nextRunTime),
    scheduledCount: Math.min(scheduledCount, MAX_COUNT),
    failuresInARow: Math.min(failuresInARow, MAX_COUNT),
    lease: lease && { ...lease, attempt: boundedAttempt(lease.attempt), until: boundedTime(lease.until) },
    live: live.map(boundedLive),
    problem: problem && { ...problem, count: Math.min(problem.count, MAX_COUNT) },
  };
}

/** The same of an ended run: an attempt is a column of its own. */
export function boundedAttempt(attempt: number): number {
  return Math.min(attempt, MAX_INTEGER);
}

/** How many times a run stands for, as it is written. */
export function boundedCoalesced({ coalesced }: Pick<RunRecord, 'coalesced'>): number {
  return Math.min(coalesced, MAX_COUNT);
}

/** One look at the numbers that grow, with every write; a state that is out of bounds is made by somebody's hand. */
function isBounded({
  nextScheduledTime,
  nextRunTime,
  scheduledCount,
  failuresInARow,
  lease,
  live,
  problem,
}: TaskState) {
  return (
    isTime(nextScheduledTime) &&
    isTime(nextRunTime) &&
    scheduledCount <= MAX_COUNT &&
    failuresInARow <= MAX_COUNT &&
    (lease === null || (lease.attempt <= MAX_INTEGER && isTime(lease.until))) &&
    live.every(isBoundedLive) &&
    (problem === null || problem.count <= MAX_COUNT)
  );
}

function isBoundedLive({ attempt, availableAt, coalesced, leaseUntil }: LiveRun): boolean {
  return attempt <= MAX_INTEGER && coalesced <= MAX_COUNT && isTime(availableAt) && isTime(leaseUntil);
}

function boundedLive(run: LiveRun): LiveRun {
  if (isBoundedLive(run)) return run;
  return {
    ...run,
    attempt: boundedAttempt(run.attempt),
    coalesced: boundedCoalesced(run),
    availableAt: boundedTime(run.availableAt),
    leaseUntil: boundedTime(run.leaseUntil),
  };
}

function isTime(time: number | null): boolean {
  return time === null || (Number.isInteger(time) && Math.abs(time) <= MAX_TIME);
}

function boundedTime<T extends number | null>(time: T): T {
  return (time === null ? null : Math.max(-MAX_TIME, Math.min(Math.ceil(time), MAX_TIME))) as T;
}
