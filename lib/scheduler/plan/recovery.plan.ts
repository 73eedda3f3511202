import type { RunError } from '../../errors/thrown.js';
import { isDisabled } from '../../model/definition.js';
import type { LiveRun } from '../../model/run.js';
import { dueTime } from '../../model/task.js';
import type { TaskRecord } from '../../model/task.js';
import type { BaseTrigger } from '../../triggers/base.trigger.js';
import { admitDueTimes } from './due-times.plan.js';
import { endedRun, keepForRedrive } from './ended.run.js';
import { holdBackMs, withFailedRun } from './failed.run.js';
import { readyRuns } from './start.plan.js';
import type { Work } from './work.js';

/** Who has runs under way, or the ends of runs that the store has not taken yet. */
export interface Holder {
  /** How long a lease holds, in milliseconds. */
  readonly leaseMs: number;
  /**
   * Whether this process holds a run: `held`, or `aborted` where it has given the run up and the handler is not over yet. null
   * for the runs of others.
   */
  holdOn(taskId: string, run: LiveRun): 'held' | 'aborted' | null;
}

/**
 * Records the runs whose lease has expired as lost: their scheduler died, froze, or lost the store. Where the task is to run
 * at least once, they wait for another attempt, unless too many were lost in a row. A run that was asked to be cancelled has
 * none.
 *
 * What is held here is not lost: its lease ran out while the store was away, and nobody else has taken it over. It goes on.
 */
export function recoverDeadRuns(work: Work, holder: Holder): void {
  const { now, task } = work;
  if (!work.state.live.some((run) => isDead(run, now))) return;
  const live: LiveRun[] = [];
  for (const run of work.state.live) {
    if (!isDead(run, now)) {
      live.push(run);
      continue;
    }
    const hold = run.status === 'running' ? holder.holdOn(task.id, run) : null;
    if (hold !== null) {
      live.push(hold === 'held' ? { ...run, leaseUntil: now + holder.leaseMs } : run);
      continue;
    }
    if (run.cancel !== null) work.history.push(endedRun(task, run, 'cancelled', now));
    else live.push(...recordLost(work, run));
  }
  // One that was given up and is not over yet is left as it is: that is no change.
  if (live.length === work.state.live.length && live.every((run, at) => run === work.state.live[at])) return;
  work.state.live = heldBack(work, live);
}

/** The runs of a task, those of its schedule that wait held back if runs before them were lost for good just now. */
function heldBack({ task, state, now }: Work, live: readonly LiveRun[]): readonly LiveRun[] {
  if (state.lostInARow === task.state.lostInARow) return live;
  const from = now + holdBackMs(state, task.definition.policies);
  return live.map((run) =>
    run.status === 'waiting' && run.source === 'schedule' && run.attempt === 1 && run.availableAt < from
      ? { ...run, availableAt: from }
      : run,
  );
}

/** Records an attempt as lost. Returns the run as it waits for another attempt; nothing when there is none. */
function recordLost(work: Work, run: LiveRun): LiveRun[] {
  const { task, now } = work;
  const { policies } = task.definition;
  const lost = run.lost + 1;
  // After one that was lost for good, and until an attempt ends, the next ones are tried once.
  const mostLost = work.state.lostInARow >= policies.maxLost ? 1 : policies.maxLost;
  const isTooOften = lost >= mostLost && policies.delivery === 'at-least-once';
  const dead = isTooOften || policies.delivery === 'at-most-once';
  const error = isTooOften ? lostTooOften(lost) : null;
  const record = { ...endedRun(task, run, 'lost', now), dead, error };
  work.history.push(keepForRedrive(record, task.definition, run.steps));
  if (!dead) return [nextAttempt(run, run.availableAt, lost)];
  const lostInARow = work.state.lostInARow + lost;
  work.state = { ...withFailedRun(work.state, policies, now), lostInARow };
  return [];
}

function lostTooOften(lost: number): RunError {
  const message =
    `${lost} ${lost === 1 ? 'attempt was' : 'attempts in a row were'} lost: ` +
    'the process died, or was blocked or cut off from the store for longer than a lease.';
  return { name: 'LostTooOften', message, code: 'ASYNCZ_LOST_TOO_OFTEN', stack: null, cause: null, errors: [] };
}

/**
 * Counts the attempt of a scheduler that died with the whole task under its lease: it may have begun the run that was ready
 * first. However often the task was taken since, that is one attempt: who takes it after a lost one records that before it
 * starts anything, and then the lease is over. What may not run twice is never begun under such a lease.
 *
 * Due times are admitted as they were when the task was taken, so that the run is the one that may have begun: later times,
 * a grace that has passed since, or a pause or a deploy that came since, change nothing about it.
 */
export function recoverLostLease(work: Work, trigger: BaseTrigger): void {
  const { lost, task } = work;
  if (lost === null || task.definition.policies.delivery === 'at-most-once') return;
  // Beside a run that is under way, or was lost itself, nothing begins before it is written.
  if (task.state.live.some(({ status }) => status === 'running')) return;
  const { pause } = work.state;
  const takenBefore = takenBeforePause(task);
  // Nobody takes a task that is disabled.
  const enabled = enabledTask(task);
  const state = { ...work.state, pause: takenBefore === null ? pause : null };
  const lastAt = takenBefore ?? lost.at;
  // When a task was taken first that was taken again since is not known; as a rule, that is when it was due.
  const takenAt = lost.attempt === 1 ? lastAt : Math.min(lastAt, dueTime(enabled.definition, state) ?? lastAt);
  const then: Work = { ...work, task: enabled, now: takenAt, state };
  admitDueTimes(then, trigger);
  const [first] = readyRuns(then.task.definition, then.state, then.now);
  work.state = { ...then.state, pause };
  if (!first) return;
  const again = recordLost(work, { ...first, owner: lost.owner, token: lost.token });
  const live = work.state.live.flatMap((run) => (run === first ? again : [run]));
  work.state.live = heldBack(work, live);
}

/** The task as it was before the code disabled it. */
function enabledTask(task: TaskRecord): TaskRecord {
  const { definition } = task;
  if (!isDisabled(definition)) return task;
  return { ...task, definition: { ...definition, declared: { ...definition.declared!, disabled: false } } };
}

/**
 * When a task was taken that was paused since, in milliseconds since the epoch; null for others. Of one that was taken again
 * since, only the last time is known: the first was before the pause if something was due by then, and at the pause at the
 * latest. Else it was taken during the pause, for what was asked for by hand.
 */
export function takenBeforePause({ state: { pause, lease, nextRunTime, live } }: TaskRecord): number | null {
  if (pause === null || lease === null) return null;
  if (pause.at >= lease.at) return lease.at;
  if (lease.attempt === 1) return null;
  const isDue = (at: number | null) => at !== null && at <= pause.at;
  return isDue(nextRunTime) || live.some((run) => run.status === 'waiting' && isDue(run.availableAt)) ? pause.at : null;
}

/** Whether a run that waits may have begun under the lease of its task: it is written with its end, or after a moment. */
export function mayHaveBegun({ definition, state }: TaskRecord, run: LiveRun): boolean {
  if (state.lease === null || definition.policies.delivery === 'at-most-once') return false;
  return run.status === 'waiting' && run.availableAt <= state.lease.at;
}

/** The run as it waits for another attempt. @param lost How many attempts were lost in a row. */
export function nextAttempt(
  { asleep: _asleep, output: _output, ...run }: LiveRun,
  availableAt: number,
  lost: number,
): LiveRun {
  return {
    ...run,
    status: 'waiting',
    attempt: run.attempt + 1,
    lost,
    availableAt,
    owner: null,
    leaseUntil: null,
    startedAt: null,
    cancel: null,
  };
}

/** One that waits is asked to be cancelled where it may have begun under the lease of its task. */
function isDead(run: LiveRun, now: number): boolean {
  if (run.status === 'waiting') return run.cancel !== null;
  return run.status === 'running' && run.leaseUntil !== null && run.leaseUntil <= now;
}
