import { isDisabled } from '../../model/definition.js';
import type { LiveRun } from '../../model/run.js';
import type { Pause, TaskLease, TaskRecord } from '../../model/task.js';
import type { BaseTrigger } from '../../triggers/base.trigger.js';
import { admitDueTimes } from './due-times.plan.js';
import { endedRun, keepForRedrive } from './ended.run.js';
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
  holdOn(run: LiveRun): 'held' | 'aborted' | null;
}

/**
 * Records the runs whose lease has expired as lost: their scheduler died, froze, or lost the store. Where the task is to run
 * at least once, they wait for another attempt. A run that was asked to be cancelled has none.
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
    const hold = run.status === 'running' ? holder.holdOn(run) : null;
    if (hold !== null) {
      live.push(hold === 'held' ? { ...run, leaseUntil: now + holder.leaseMs } : run);
      continue;
    }
    const isOver = run.cancel !== null || task.definition.policies.delivery === 'at-most-once';
    const record = { ...endedRun(task, run, run.cancel ? 'cancelled' : 'lost', now), dead: isOver && !run.cancel };
    work.history.push(keepForRedrive(record, task.definition));
    if (!isOver) live.push(nextAttempt(run, run.availableAt));
  }
  // One that was given up and is not over yet is left as it is: that is no change.
  if (live.length === work.state.live.length && live.every((run, at) => run === work.state.live[at])) return;
  work.state = { ...work.state, live };
}

/**
 * Counts the attempts of schedulers that died with the whole task under their lease: each may have begun the run that was
 * ready first. What may not run twice is never begun under such a lease.
 *
 * Due times are admitted as they were when the task was taken, so that the run is the one that may have begun: later times,
 * a grace that has passed since, or a pause or a deploy that came since, change nothing about it.
 */
export function recoverLostLease(work: Work, trigger: BaseTrigger): void {
  const { lost, now, task } = work;
  if (lost === null || task.definition.policies.delivery === 'at-most-once') return;
  const { pause } = work.state;
  const then: Work = {
    ...work,
    // Nobody takes a task that is disabled.
    task: enabledTask(task),
    now: lost.at,
    state: { ...work.state, pause: isTakenBefore(pause, lost) ? null : pause },
  };
  admitDueTimes(then, trigger);
  const [first] = readyRuns(then.task.definition, then.state, lost.at);
  work.state = { ...then.state, pause };
  if (!first) return;
  const attempt = first.attempt + lost.attempt - 1;
  const begun = { ...first, attempt, owner: lost.owner, token: lost.token };
  work.history.push(endedRun(task, begun, 'lost', now));
  const live = work.state.live.map((run) => (run === first ? { ...first, attempt: attempt + 1 } : run));
  work.state = { ...work.state, live };
}

/** The task as it was before the code disabled it. */
function enabledTask(task: TaskRecord): TaskRecord {
  const { definition } = task;
  if (!isDisabled(definition)) return task;
  return { ...task, definition: { ...definition, declared: { ...definition.declared!, disabled: false } } };
}

/** Whether a task was taken before it was paused. */
export function isTakenBefore(pause: Pause | null, lease: TaskLease | null): boolean {
  return pause !== null && lease !== null && pause.at >= lease.at;
}

/** Whether a run that waits may have begun under the lease of its task: it is written with its end, or after a moment. */
export function mayHaveBegun({ definition, state }: TaskRecord, run: LiveRun): boolean {
  if (state.lease === null || definition.policies.delivery === 'at-most-once') return false;
  return run.status === 'waiting' && run.availableAt <= state.lease.at;
}

/** The run as it waits for another attempt. */
export function nextAttempt(run: LiveRun, availableAt: number): LiveRun {
  return {
    ...run,
    status: 'waiting',
    attempt: run.attempt + 1,
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
