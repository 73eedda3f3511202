import { UnknownNameError } from '../../errors/input.errors.js';
import { isErrorOf } from '../../errors/foreign.js';
import type { TaskDefinition } from '../../model/definition.js';
import type { Apply, Change } from '../../model/change.js';
import type { LiveRun, RunRecord } from '../../model/run.js';
import { dueTime } from '../../model/task.js';
import type { TaskRecord, TaskState } from '../../model/task.js';
import type { BaseTrigger } from '../../triggers/base.trigger.js';
import { changeTo, nextTimes } from './change.js';
import { NewerInputError, refuseNewer } from './newer.input.js';
import { admitDueTimes } from './due-times.plan.js';
import { isLastChance } from './failed.run.js';
import { endDuePause } from './pause.plan.js';
import { postpone } from './problem.plan.js';
import { recoverDeadRuns, recoverLostLease } from './recovery.plan.js';
import type { Holder } from './recovery.plan.js';
import { startWaitingRuns } from './start.plan.js';
import type { Starter } from './start.plan.js';
import { beginWork } from './work.js';
import type { Work } from './work.js';

/**
 * How long a due task whose kind of trigger, or whose executor, this process does not know, or whose arguments are for newer code, is
 * left to other schedulers, in milliseconds. In a rolling deploy the newer version knows it. If nobody does, it must not block other tasks for ever.
 */
const LEAVE_TO_OTHERS_MS = 10_000;

/** What a claim did with one task. */
export interface Claimed {
  /** The definition of the task, by which room is counted. */
  readonly definition: TaskDefinition;
  /** The runs that this scheduler starts. They stand in the state of the task as running, with their lease. */
  readonly start: readonly LiveRun[];
  /** What is recorded without having run here: missed, skipped, lost. */
  readonly history: readonly RunRecord[];
  /** Whether the pause of the task has ended by itself. */
  readonly isResumed?: boolean;
}

/** How many more runs may start in this process: asked by plans, which take nothing. */
export interface Room {
  /**
   * Whether one more run of a task may start, beside the runs that were decided on in the same call of the store.
   *
   * @param own How many runs of this very task were decided on before it.
   * @throws UnknownNameError When the executor is not known here.
   */
  has(definition: TaskDefinition, decided: readonly Claimed[], own: number): boolean;
}

/** What a plan knows of the scheduler that claims. */
interface ClaimContext extends Starter, Holder {
  readonly room: Room;
  /** The trigger of a task. Throws when its type is not known here, or its data is not what the type allows. */
  triggerOf(task: TaskRecord): BaseTrigger;
  /** The version of the schema of a handler in this process; null where it has none, which counts as 1. */
  schemaVersionOf(handler: string): number | null;
  /** How many handlers of a task still run in this process although their runs are over. */
  abandoned(taskId: string): number;
  /** Whether a run is under way in this process whose next loss is its last. */
  hasLastChance(): boolean;
}

/**
 * Decides what becomes of a due task: recovers the runs of dead schedulers, turns due times into runs or into records of
 * what did not run, and starts as many waiting runs as there is room for.
 *
 * A fault of one task (a trigger that throws) postpones that task and touches no other.
 */
export function planClaim(context: ClaimContext): Apply<Claimed> {
  return (task, now, decided) => {
    // Another scheduler has taken the task.
    if (task.state.lease !== null && task.state.lease.until > now) return null;
    const work = beginWork(task, now);
    recoverDeadRuns(work, context);
    let trigger: BaseTrigger | null = null;
    try {
      refuseNewer(task.definition, context);
      trigger = context.triggerOf(task);
      recoverLostLease(work, trigger);
      endDuePause(work, trigger);
      admitDueTimes(work, trigger);
      startWaitingRuns(work, context, {
        abandoned: context.abandoned(task.id),
        hasRoom: (own) => context.room.has(task.definition, decided, own),
        hasLastChance: () => context.hasLastChance() || decided.some(startsLastChance),
      });
      restartCompletionSchedule(work, trigger);
      work.state.problem = null;
    } catch (error) {
      const due = dueTime(task.definition, task.state) ?? now;
      const isForOthers = isErrorOf(error, UnknownNameError) || isErrorOf(error, NewerInputError);
      if (isForOthers && now - due < LEAVE_TO_OTHERS_MS) return null;
      endDuePause(work, null);
      keepCompletionSchedule(work, trigger);
      work.state = postpone(work.state, error, now);
    }
    return isUntouched(work) ? null : changeOf(work);
  };
}

/**
 * Whether a task waits for room alone: with more of it, a claim would start a run of it now.
 *
 * @param now The store's clock, in milliseconds since the epoch.
 */
export function waitsForRoom(context: Omit<ClaimContext, 'room'>, task: TaskRecord, now: number): boolean {
  if ((dueTime(task.definition, task.state) ?? Infinity) > now) return false;
  const change = planClaim({ ...context, room: { has: (_definition, _decided, own) => own === 0 } })(task, now, []);
  return change !== null && change.value.start.length > 0;
}

function startsLastChance({ start, definition }: Claimed): boolean {
  return start.some((run) => isLastChance(run, definition.policies));
}

/** Nothing to start and nothing to record: there is no room. A write would only cost. */
function isUntouched({ task, state, lost, history, start }: Work): boolean {
  return (
    lost === null &&
    history.length === 0 &&
    start.length === 0 &&
    state.pause === task.state.pause &&
    state.live === task.state.live &&
    state.nextRunTime === task.state.nextRunTime &&
    state.problem === task.state.problem
  );
}

function changeOf({ task, state, history, start, isResumed }: Work): Change<Claimed> {
  const value = { definition: task.definition, start, history, isResumed };
  return changeTo({ ...task, state: withLastRun(state, history) }, value, history);
}

function withLastRun(state: TaskState, history: readonly RunRecord[]): TaskState {
  const last = history.at(-1);
  if (!last) return state;
  const { id, status, startedAt, endedAt } = last;
  return { ...state, lastRun: { id, status, startedAt, endedAt } };
}

/**
 * A trigger that counts from the end of a run has nothing to count from when that run was missed, skipped or lost. It
 * counts from now.
 *
 * @throws What the trigger throws.
 */
function restartCompletionSchedule(work: Work, trigger: BaseTrigger): void {
  if (trigger.advance !== 'completion' || !hasNoNext(work.state)) return;
  const { task, now } = work;
  Object.assign(work.state, nextTimes(trigger.nextOccurrence(now, now, { taskId: task.id })));
}

/**
 * The same for a task with a fault: nothing would ever claim it again. Where its trigger says nothing, it is asked again when
 * the task is.
 *
 * @param trigger null where it is not known here: a run of the schedule that is gone without a next time tells its kind.
 */
function keepCompletionSchedule(work: Work, trigger: BaseTrigger | null): void {
  const { task, now } = work;
  if (!hasNoNext(work.state)) return;
  if (trigger ? trigger.advance !== 'completion' : !task.state.live.some(isOfSchedule)) return;
  try {
    if (trigger) return restartCompletionSchedule(work, trigger);
  } catch {
    // The fault is reported already, or is that of the trigger, which the next claim meets again.
  }
  work.state.nextScheduledTime = now;
  work.state.nextRunTime = now;
}

/** Whether the schedule goes on, and neither a time nor a run of it is there. */
function hasNoNext({ exhausted, nextRunTime, live }: TaskState): boolean {
  return !exhausted && nextRunTime === null && !live.some(isOfSchedule);
}

function isOfSchedule({ source }: LiveRun): boolean {
  return source === 'schedule';
}
