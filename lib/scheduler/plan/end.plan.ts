import type { LiveRun, RunRecord } from '../../model/run.js';
import type { TaskRecord, TaskState } from '../../model/task.js';
import type { TaskDefinition } from '../../model/definition.js';
import type { TaskPolicies } from '../../model/task.policies.js';
import type { LeaseRef, RunResult } from '../../stores/store.interface.js';
import type { Apply } from '../../model/change.js';

/** What {@link settleRuns} did with one result. */
export type Settlement = 'settled' | 'paused' | 'refused';

/**
 * Whether the task is done and goes with its last run. One that the code declares stays, or the next start would add it
 * and run it again.
 */
export function isSpent(task: TaskRecord): boolean {
  return task.definition.origin === 'runtime' && task.state.exhausted && task.state.live.length === 0;
}

/**
 * What the history keeps of a run: a dead one takes the definition of its task along, which may go with it, or with a
 * later run. One that the code declares is there as long as the code declares it.
 */
export function keepForRedrive(record: RunRecord, definition: TaskDefinition): RunRecord {
  return record.dead && definition.origin === 'runtime' ? { ...record, definition } : record;
}

/**
 * Ends attempts of one task. A result counts only while its run is running under its token: whoever lost the lease is
 * refused, so that a process that was frozen never overwrites the newer attempt.
 *
 * @param results The results for this task.
 * @returns The decision for `transact`; its value tells for each result, in order, what became of it.
 */
export function settleRuns(results: readonly RunResult[]): Apply<readonly Settlement[]> {
  return (task, storeNow) => {
    let { state } = task;
    const history: RunRecord[] = [];
    const outcome: Settlement[] = [];
    for (const result of results) {
      const run = state.live.find((live) => isHeld(live, result));
      if (!run) {
        outcome.push('refused');
        continue;
      }
      const settled = settle(state, task.definition.policies, run, result, storeNow);
      outcome.push(state.pause === settled.pause ? 'settled' : 'paused');
      state = settled;
      if (result.record) history.push(keepForRedrive(result.record, task.definition));
    }
    if (outcome.every((one) => one === 'refused')) return null;
    const next = { ...task, state };
    return { task: isSpent(next) ? null : next, history, value: outcome };
  };
}

function settle(
  state: TaskState,
  { pauseAfterFailures: limit }: TaskPolicies,
  run: LiveRun,
  { runId, record, retryAt, next }: RunResult,
  storeNow: number,
): TaskState {
  const final = record?.status === 'failed' && retryAt === null;
  const failuresInARow = final ? state.failuresInARow + 1 : record?.status === 'succeeded' ? 0 : state.failuresInARow;
  const pauses = final && limit !== null && failuresInARow >= limit && state.pause === null;
  return {
    ...state,
    live: replaceRun(state.live, run, retryAt),
    updatedAt: storeNow,
    failuresInARow,
    ...(pauses && { pause: { at: storeNow, actor: null, reason: `${failuresInARow} failed runs in a row` } }),
    ...(record && {
      lastRun: { id: runId, status: record.status, startedAt: record.startedAt, endedAt: record.endedAt },
    }),
    // A trigger that the task was given in the meantime has set its own next time, which stands.
    ...(next !== undefined &&
      state.nextRunTime === null && {
        nextScheduledTime: next?.scheduledTime ?? null,
        nextRunTime: next?.runTime ?? null,
        exhausted: next === null,
      }),
  };
}

/** Prolongs the leases of one task's runs; the value of the change is what is lost. */
export function renewRuns(refs: readonly LeaseRef[], leaseMs: number): Apply<readonly LeaseRef[]> {
  return (task, storeNow) => {
    const held = refs.filter((ref) => task.state.live.some((run) => isHeld(run, ref)));
    const lost = refs.filter((ref) => !held.includes(ref));
    if (held.length === 0) return null;
    const live = task.state.live.map((run) =>
      held.some((ref) => isHeld(run, ref)) ? { ...run, leaseUntil: storeNow + leaseMs } : run,
    );
    return { task: { ...task, state: { ...task.state, live } }, history: [], value: lost };
  };
}

function isHeld(run: LiveRun, ref: Pick<LeaseRef, 'runId' | 'token'>): boolean {
  return run.status === 'running' && run.id === ref.runId && run.token === ref.token;
}

function replaceRun(live: readonly LiveRun[], ended: LiveRun, retryAt: number | null): readonly LiveRun[] {
  if (retryAt === null) return live.filter((run) => run !== ended);
  return live.map((run) =>
    run === ended
      ? {
          ...run,
          status: 'waiting' as const,
          attempt: run.attempt + 1,
          availableAt: retryAt,
          owner: null,
          leaseUntil: null,
          startedAt: null,
          cancel: null,
        }
      : run,
  );
}
