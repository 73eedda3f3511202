import type { DatedAttribution } from './attribution.js';
import { isByHand } from './run.js';
import type { LiveRun, RunStatus } from './run.js';
import { isDisabled } from './definition.js';
import type { TaskDefinition } from './definition.js';

/**
 * Why, when and by whom a task was paused.
 *
 * @publicApi
 */
export interface Pause extends DatedAttribution {
  /** Set when the code asked for it: it declares the task as paused, or not at all. The code ends such a pause, too. */
  readonly byCode?: true;
  /** When it ends by itself, in milliseconds since the epoch by the store's clock. Left out where somebody has to end it. */
  readonly until?: number;
}

/**
 * What a person, or a program on somebody's behalf, did to a task last.
 *
 * @publicApi
 */
export interface TaskControl extends DatedAttribution {
  readonly action: 'pause' | 'resume' | 'run' | 'backfill' | 'redrive' | 'cancel';
}

/** The code of the problem of a task whose handler no scheduler has. */
export const HANDLER_MISSING = 'ASYNCZ_HANDLER_MISSING';

/**
 * A fault of the task itself that keeps it from being scheduled as it should, such as a trigger that throws.
 *
 * @publicApi
 */
export interface TaskProblem {
  readonly code: string;
  readonly message: string;
  /** Milliseconds since the epoch. */
  readonly at: number;
  /** How often in a row. */
  readonly count: number;
}

/**
 * Where a task stands. Written by every claim and every end of a run; holds nothing of the user's data, so it is stored
 * in clear. Times are milliseconds since the epoch.
 *
 * @publicApi
 */
export interface TaskState {
  readonly createdAt: number;
  readonly updatedAt: number;
  /** The next time of the trigger's grid; null when the trigger is exhausted, or waits for a run to end. */
  readonly nextScheduledTime: number | null;
  /** When that is due: the same, moved by jitter or a calendar. */
  readonly nextRunTime: number | null;
  /** The last scheduled time that was claimed, missed or skipped. */
  readonly lastScheduledTime: number | null;
  /** Whether the trigger has no further time, so that the task is done when its live runs have ended. */
  readonly exhausted: boolean;
  /** How many scheduled times have passed, for `maxRuns`. */
  readonly scheduledCount: number;
  readonly pause: Pause | null;
  /** How many runs in a row failed or were lost for good. */
  readonly failuresInARow: number;
  /** How many attempts of runs that were lost for good there were since an attempt has ended. */
  readonly lostInARow: number;
  /** The highest fencing token that was given out; it only grows. */
  readonly lastToken: number;
  /** Set while a scheduler has taken the whole task: see {@link TaskLease}. */
  readonly lease: TaskLease | null;
  /** The runs that have not ended: waiting for their turn, or running under a lease. */
  readonly live: readonly LiveRun[];
  readonly lastRun: LastRun | null;
  readonly problem: TaskProblem | null;
  /** Who last paused, resumed, ran, redrove or cancelled it, and why. */
  readonly control: TaskControl | null;
}

/** A state that is being made: nobody else has it yet. */
export type TaskStateDraft = { -readonly [Field in keyof TaskState]: TaskState[Field] };

/**
 * The right of one scheduler over a whole task, from taking it until what becomes of it is written. The rest of the task is
 * as it was before. One run of it may start under the lease at once. While it holds, the task is due for nobody.
 *
 * @publicApi
 */
export interface TaskLease {
  /** The identity of the scheduler. */
  readonly owner: string;
  /** The fencing token: that of the run which starts under the lease. */
  readonly token: number;
  /** When the task was taken, by the store's clock. Tokens may be ahead of it. */
  readonly at: number;
  /** From 1: how often in a row the task was taken, and nothing was written before the lease expired. */
  readonly attempt: number;
  /** Until when it holds, in milliseconds since the epoch. */
  readonly until: number;
}

/**
 * The last run that ended, in short.
 *
 * @publicApi
 */
export interface LastRun {
  readonly id: string;
  readonly status: RunStatus;
  readonly startedAt: number | null;
  readonly endedAt: number;
}

/**
 * A task as a store keeps it. Never changed in place: whoever changes one makes a new one.
 *
 * @publicApi
 */
export interface TaskRecord {
  readonly id: string;
  readonly definition: TaskDefinition;
  readonly state: TaskState;
  /** Counts the writes, from 1. Every write is compare-and-set on it. */
  readonly version: number;
}

/**
 * Why a record cannot be read.
 *
 * @publicApi
 */
export type UnreadableReason =
  | 'wrong-key'
  | 'in-clear'
  | 'damaged'
  | 'inconsistent'
  | 'too-large'
  | 'unknown-version'
  | 'unknown-serializer'
  | 'not-json';

/**
 * A record that is there and cannot be read. It is never deleted by reading, never run and never in the way; it is a
 * task again when the key or the code that it needs is back.
 *
 * @publicApi
 */
export interface UnreadableTask {
  readonly id: string;
  readonly unreadable: UnreadableReason;
  readonly message: string;
  /** What the record says in clear, where that can be read. */
  readonly handler: string | null;
  readonly nextRunTime: number | null;
}

/**
 * What a store gives for an id.
 *
 * @publicApi
 */
export type StoredTask = TaskRecord | UnreadableTask;

/**
 * Whether a stored task could not be read.
 *
 * @publicApi
 */
export function isUnreadable(task: StoredTask): task is UnreadableTask {
  return 'unreadable' in task;
}

/** How many runs of it are under way: claimed, with a lease of their own or under that of the task. */
export function runningCount(state: TaskState): number {
  let count = state.lease === null ? 0 : 1;
  for (const run of state.live) if (run.status === 'running') count += 1;
  return count;
}

/** Whether no run of it is under way or waits. */
export function isIdle({ live, lease }: TaskState): boolean {
  return live.length === 0 && lease === null;
}

/**
 * The fencing token of the next start. It is never below the store's clock, so that tokens keep growing when a task is
 * removed and added again.
 *
 * @param now The store's clock, in milliseconds since the epoch.
 */
export function nextToken({ lastToken }: Pick<TaskState, 'lastToken'>, now: number): number {
  return Math.max(lastToken + 1, now);
}

/**
 * When a claim has something to do with the task; null for never, as it stands. The one number that stores index: it
 * covers the next scheduled time, a run that waits for its turn or its retry, and a lease that expires because its owner
 * died.
 *
 * A paused task is due for what was asked for by hand, for dead owners, and for the end of the pause, not for its schedule or its
 * retries; one that the code has disabled is due for dead owners only.
 *
 * @publicApi
 */
export function dueTime(definition: DueDefinition, state: TaskState): number | null {
  if (definition.origin === 'internal') return null;
  if (state.lease !== null) return state.lease.until;
  let due = isHeld(definition, state) ? endOfHold(definition, state) : state.nextRunTime;
  if (state.live.length === 0) return due;
  const room = definition.policies.overlap === 'allow' || runningCount(state) < definition.policies.maxInstances;
  for (const run of state.live) {
    const at =
      run.status === 'running' ? run.leaseUntil : room && mayStart(run, definition, state) ? run.availableAt : null;
    if (at !== null && (due === null || at < due)) due = at;
  }
  return due;
}

/** What {@link dueTime} looks at. */
type DueDefinition = Pick<TaskDefinition, 'policies' | 'origin' | 'declared'>;

/** Whether the schedule of a task stands still: it is paused, or the code has disabled it. */
export function isHeld(definition: Pick<TaskDefinition, 'declared'>, { pause }: Pick<TaskState, 'pause'>): boolean {
  return pause !== null || isDisabled(definition);
}

/** When the hold of a task ends by itself; null where somebody has to end it. */
function endOfHold(definition: Pick<TaskDefinition, 'declared'>, { pause }: Pick<TaskState, 'pause'>): number | null {
  return isDisabled(definition) ? null : (pause?.until ?? null);
}

/** Whether a run that waits may start, as far as a hold goes: a pause holds up what nobody asked for by hand. */
export function mayStart(
  run: LiveRun,
  definition: Pick<TaskDefinition, 'declared'>,
  { pause }: Pick<TaskState, 'pause'>,
): boolean {
  return !isDisabled(definition) && (pause === null || isByHand(run));
}
