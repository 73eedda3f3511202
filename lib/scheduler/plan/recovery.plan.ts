import type { LiveRun } from '../../model/run.js';
import { endedRun, keepForRedrive } from './ended.run.js';
import { readyRuns } from './start.plan.js';
import type { Work } from './work.js';

/**
 * Records the runs whose lease has expired as lost: their scheduler died, froze, or lost the store. Where the task is to run
 * at least once, they wait for another attempt.
 */
export function recoverDeadRuns(work: Work): void {
  const { now, task } = work;
  if (!work.state.live.some((run) => isDead(run, now))) return;
  const live: LiveRun[] = [];
  for (const run of work.state.live) {
    if (!isDead(run, now)) {
      live.push(run);
      continue;
    }
    const isOver = run.cancel !== null || task.definition.policies.delivery === 'at-most-once';
    const record = { ...endedRun(task, run, run.cancel ? 'cancelled' : 'lost', now), dead: isOver && !run.cancel };
    work.history.push(keepForRedrive(record, task.definition));
    if (!isOver) live.push(nextAttempt(run, run.availableAt));
  }
  work.state = { ...work.state, live };
}

/**
 * Counts the attempts of schedulers that died with the whole task under their lease: each may have begun the run that is
 * ready first. What may not run twice is never begun under such a lease.
 */
export function recoverLostLease(work: Work): void {
  const { lost, now, task } = work;
  if (lost === null || task.definition.policies.delivery === 'at-most-once') return;
  const [first] = readyRuns(work.state, now);
  if (!first) return;
  const attempt = first.attempt + lost.attempt - 1;
  const begun = { ...first, attempt, owner: lost.owner, token: lost.token };
  work.history.push(endedRun(task, begun, 'lost', now));
  const live = work.state.live.map((run) => (run === first ? { ...first, attempt: attempt + 1 } : run));
  work.state = { ...work.state, live };
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

function isDead(run: LiveRun, now: number): boolean {
  return run.status === 'running' && run.leaseUntil !== null && run.leaseUntil <= now;
}
