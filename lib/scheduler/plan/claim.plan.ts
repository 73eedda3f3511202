import { UnknownNameError } from '../../errors/input.errors.js';
import { isByHand } from '../../model/run.js';
import type { LiveRun } from '../../model/run.js';
import { dueTime, runningCount } from '../../model/task.js';
import type { TaskRecord, TaskState } from '../../model/task.js';
import type { TaskDefinition } from '../../model/definition.js';
import { isSpent, keepForRedrive } from './end.plan.js';
import type { ClaimDecision, ClaimPlan } from '../../stores/store.interface.js';
import type { BaseTrigger } from '../../triggers/base.trigger.js';
import { admitDueTimes } from './due-times.plan.js';
import { postpone } from './problem.plan.js';
import { notRun } from './ended-run.js';
import type { Work } from './work.js';

/**
 * How long a due task whose kind of trigger, or whose executor, this process does not know is left to those that may, in
 * milliseconds. In a rolling deploy the newer version knows it; when nobody does, it must not stand in the way for ever.
 */
const LEAVE_TO_OTHERS_MS = 10_000;

/** What a plan has to know of the scheduler that claims. */
export interface PlanContext {
  readonly owner: string;
  readonly leaseMs: number;
  /** The trigger of a task. Throws when its type is not known here, or its data is not what the type allows. */
  triggerOf(task: TaskRecord): BaseTrigger;
  /**
   * Takes a place in the task's executor, and a slot of its group; false when there is none left. Throws when the
   * executor is not known here.
   */
  takeRoom(definition: TaskDefinition): boolean;
}

/**
 * Decides what becomes of one due task: takes over what dead schedulers left, turns due times into runs or into records
 * of what did not run, and starts as many waiting runs as there is room for. Pure but for the room that it takes; stores
 * may call it again, so the caller counts afresh for each claim.
 *
 * A fault of one task (a trigger that throws) postpones that task and touches no other.
 */
export function planClaim(context: PlanContext): ClaimPlan {
  return (task, now) => {
    const work: Work = { task, now, state: { ...task.state, updatedAt: now }, history: [], start: [] };
    recoverDeadRuns(work);
    try {
      const trigger = context.triggerOf(task);
      admitDueTimes(work, trigger);
      startWaitingRuns(work, context);
      restartCompletionSchedule(work, trigger);
      if (work.state.problem) work.state = { ...work.state, problem: null };
    } catch (error) {
      const due = dueTime(task.definition, task.state) ?? now;
      if (error instanceof UnknownNameError && now - due < LEAVE_TO_OTHERS_MS) return null;
      work.state = postpone(work.state, error, now);
    }
    return isUntouched(work) ? null : decide(work);
  };
}

/** Nothing to start and nothing to record: its executor is full. A write would only cost. */
function isUntouched({ task, state, history, start }: Work): boolean {
  return (
    history.length === 0 &&
    start.length === 0 &&
    state.live === task.state.live &&
    state.nextRunTime === task.state.nextRunTime &&
    state.problem === task.state.problem
  );
}

function decide({ task, state, history, start }: Work): ClaimDecision {
  const next = { ...task, state };
  const last = history.at(-1);
  const changed = last
    ? {
        ...next,
        state: {
          ...state,
          lastRun: { id: last.id, status: last.status, startedAt: last.startedAt, endedAt: last.endedAt },
        },
      }
    : next;
  return { task: isSpent(changed) ? null : changed, start, history };
}

/** Runs whose lease has run out: their scheduler died, froze, or lost the store. */
function recoverDeadRuns(work: Work): void {
  const { now, task } = work;
  if (!work.state.live.some((run) => isDead(run, now))) return;
  const live: LiveRun[] = [];
  for (const run of work.state.live) {
    if (!isDead(run, now)) {
      live.push(run);
      continue;
    }
    const isOver = run.cancel !== null || task.definition.policies.delivery === 'at-most-once';
    const record = { ...notRun(task, run, run.cancel ? 'cancelled' : 'lost', now), dead: isOver && !run.cancel };
    work.history.push(keepForRedrive(record, task.definition));
    if (isOver) continue;
    live.push({
      ...run,
      status: 'waiting',
      attempt: run.attempt + 1,
      owner: null,
      leaseUntil: null,
      startedAt: null,
    });
  }
  work.state = { ...work.state, live };
}

function isDead(run: LiveRun, now: number): boolean {
  return run.status === 'running' && run.leaseUntil !== null && run.leaseUntil <= now;
}

/** Gives leases to waiting runs, the earliest first, within the task's limit and the executor's room. */
function startWaitingRuns(work: Work, context: PlanContext): void {
  const { definition } = work.task;
  const { policies } = definition;
  const ready = work.state.live
    .filter((run) => run.status === 'waiting' && run.availableAt <= work.now && mayStart(run, work.state))
    .sort((a, b) => a.availableAt - b.availableAt || a.scheduledTime - b.scheduledTime);
  for (const run of ready) {
    const full = policies.overlap !== 'allow' && runningCount(work.state) >= policies.maxInstances;
    if (full || !context.takeRoom(definition)) return;
    // Never below the store's clock, so that tokens keep growing when a task is deleted and added again.
    const token = Math.max(work.state.lastToken + 1, work.now);
    const started: LiveRun = {
      ...run,
      status: 'running',
      owner: context.owner,
      token,
      leaseUntil: work.now + context.leaseMs,
      startedAt: work.now,
    };
    work.start.push(started);
    work.state = {
      ...work.state,
      lastToken: token,
      live: work.state.live.map((one) => (one === run ? started : one)),
    };
  }
}

/** A paused task runs what a person asks for by hand, and nothing else. */
function mayStart(run: LiveRun, state: TaskState): boolean {
  return state.pause === null || isByHand(run);
}

/**
 * A trigger that counts from the end of a run has nothing to count from when that run was missed, skipped or lost: it
 * counts from now.
 */
function restartCompletionSchedule(work: Work, trigger: BaseTrigger): void {
  const { state, task, now } = work;
  if (trigger.advance !== 'completion' || state.exhausted || state.nextRunTime !== null || state.live.length > 0)
    return;
  const next = trigger.nextOccurrence(now, now, { taskId: task.id });
  work.state = {
    ...state,
    nextScheduledTime: next?.scheduledTime ?? null,
    nextRunTime: next?.runTime ?? null,
    exhausted: next === null,
  };
}
