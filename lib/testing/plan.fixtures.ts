import type { Apply, Change } from '../model/change.js';
import type { LiveRun, RunRecord, RunStatus } from '../model/run.js';
import { scheduledRunId } from '../model/run.js';
import type { TaskRecord } from '../model/task.js';
import { runningCount } from '../model/task.js';
import type { Claimed } from '../scheduler/plan/claim.plan.js';
import type { RunEnd } from '../scheduler/plan/end.plan.js';
import { makeRun } from './task.fixtures.js';

/**
 * A plan that starts what is due: the run of a dead owner again, then a waiting one whose time has come, then the
 * schedule's.
 *
 * @param owner The identity of the scheduler that claims.
 * @param leaseMs How long its leases hold, in milliseconds.
 * @param next The next run time after the one that is claimed; null for a one-shot task.
 */
export function startDue(
  owner: string,
  leaseMs: number,
  next: (task: TaskRecord, storeNow: number) => number | null = () => null,
): Apply<Claimed> {
  return (task, storeNow) => {
    const { state } = task;
    const lease = {
      status: 'running',
      owner,
      leaseUntil: storeNow + leaseMs,
      startedAt: storeNow,
      cancel: null,
    } as const;
    const token = state.lastToken + 1;
    const dead = state.live.find((run) => run.status === 'running' && run.leaseUntil! <= storeNow);
    const room =
      task.definition.policies.overlap === 'allow' || runningCount(state) < task.definition.policies.maxInstances;
    const waiting = room
      ? state.live.find((run) => run.status === 'waiting' && run.availableAt <= storeNow)
      : undefined;
    const again = dead ?? waiting;
    if (again) {
      const started: LiveRun = { ...again, ...lease, attempt: again.attempt + (dead ? 1 : 0), token };
      const live = state.live.map((run) => (run === again ? started : run));
      const history = dead ? [recordOf(task, dead, 'lost', storeNow)] : [];
      return decision(task, { ...task, state: { ...state, live, lastToken: token } }, [started], history);
    }
    const scheduledTime = state.nextScheduledTime ?? storeNow;
    const nextRunTime = next(task, storeNow);
    const started: LiveRun = {
      ...lease,
      id: scheduledRunId(task.id, scheduledTime),
      source: 'schedule',
      scheduledTime,
      attempt: 1,
      lost: 0,
      availableAt: scheduledTime,
      coalesced: 0,
      token,
      request: null,
    };
    const moved = {
      ...state,
      nextRunTime,
      nextScheduledTime: nextRunTime,
      lastScheduledTime: scheduledTime,
      exhausted: nextRunTime === null,
      scheduledCount: state.scheduledCount + 1,
      lastToken: token,
      live: [...state.live, started],
    };
    return decision(task, { ...task, state: moved }, [started]);
  };
}

/** What a claim makes of a task: what it becomes, the runs that start, and what is recorded without having run. */
export function decision(
  { definition }: TaskRecord,
  task: TaskRecord | null,
  start: readonly LiveRun[],
  history: readonly RunRecord[] = [],
): Change<Claimed> {
  return { task, history, value: { definition, start, history } };
}

/** What the history keeps of a run that ended. */
export function recordOf(
  task: Pick<TaskRecord, 'id' | 'definition'>,
  run: LiveRun,
  status: RunStatus,
  endedAt: number,
  fields: Partial<RunRecord> = {},
): RunRecord {
  const { id, source, scheduledTime, attempt, owner, token, startedAt, coalesced } = run;
  return makeRun(id, {
    taskId: task.id,
    handler: task.definition.handler,
    source,
    scheduledTime,
    attempt,
    owner,
    token,
    startedAt,
    coalesced,
    status,
    endedAt,
    ...fields,
  });
}

/** The end of a run as the engine has it written. */
export function resultOf(
  task: Pick<TaskRecord, 'id' | 'definition'>,
  run: LiveRun,
  status: RunStatus,
  fields: Partial<RunEnd> = {},
): RunEnd {
  return {
    taskId: task.id,
    runId: run.id,
    token: run.token,
    record: recordOf(task, run, status, (run.startedAt ?? run.scheduledTime) + 5),
    retryAt: null,
    ...fields,
  };
}
