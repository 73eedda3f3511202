import { isByHand } from './run.js';
import type { LiveRun, RunStatus } from './run.js';

/**
 * A trigger as it is stored: its type and its options, plain JSON. Which options a type has is in `docs/triggers.md`.
 *
 * @publicApi
 */
export interface TriggerData {
  readonly type: string;
  readonly [option: string]: unknown;
}

/**
 * What becomes of several due times of one task that are found at once: one run for the latest or the earliest of them,
 * or one run for each (bounded by `maxCatchUp`).
 *
 * @publicApi
 */
export type Coalesce = 'latest' | 'earliest' | 'all';

/**
 * What becomes of a due time that comes while the task already runs `maxInstances` times in the cluster.
 *
 * - `skip`: it is recorded as skipped and does not run.
 * - `queueOne`: one waits for its turn; further ones are skipped.
 * - `queueAll`: all wait for their turn, up to `maxQueued`.
 * - `cancelRunning`: the oldest running one is aborted and this one takes its place.
 * - `allow`: it runs beside the others; `maxInstances` does not hold it back.
 *
 * @publicApi
 */
export type Overlap = 'skip' | 'queueOne' | 'queueAll' | 'cancelRunning' | 'allow';

/**
 * What becomes of a run whose process died: `at-least-once` runs it again, `at-most-once` records it as lost.
 *
 * @publicApi
 */
export type Delivery = 'at-least-once' | 'at-most-once';

/**
 * How a failed run is tried again.
 *
 * @publicApi
 */
export interface RetryPolicy {
  /** How often it is started at the most, the first time included. */
  readonly attempts: number;
  /** How the wait grows from attempt to attempt, or the name of a registered back-off function. */
  readonly backoff: string;
  /** The first wait, in milliseconds. */
  readonly delayMs: number;
  /** The longest wait, in milliseconds. */
  readonly maxDelayMs: number;
}

/**
 * How a task is run: every field filled in.
 *
 * @publicApi
 */
export interface TaskPolicies {
  readonly coalesce: Coalesce;
  /** With `coalesce: 'all'`, how many missed times are run at the most; the rest are recorded as missed. */
  readonly maxCatchUp: number;
  /** How late a run may start, in milliseconds, before it is recorded as missed; null for however late. */
  readonly misfireGraceMs: number | null;
  /** How many runs of it may be under way in the whole cluster. */
  readonly maxInstances: number;
  readonly overlap: Overlap;
  /** With `overlap: 'queueAll'`, how many may wait. */
  readonly maxQueued: number;
  readonly delivery: Delivery;
  /** Smaller numbers go first. */
  readonly priority: number;
  /** The group of tasks that it shares a limit with; null for none. */
  readonly group: string | null;
  /** It starts only while fewer runs of its group than this are under way in the whole cluster. */
  readonly groupLimit: number;
  readonly retry: RetryPolicy | null;
  /** How long one attempt may take, in milliseconds, before its signal is aborted; null for no limit. */
  readonly timeoutMs: number | null;
  /** After how many failed runs in a row it is paused; null for never. */
  readonly pauseAfterFailures: number | null;
}

/**
 * Where a task comes from: declared in the code by a decorator, or added at run time. A finished task of the code stays,
 * or the next start would run it again; a finished one of the run time is removed.
 *
 * `internal` is a record that schedulers keep among the tasks for themselves, such as the places of a group: never due,
 * and left out of queries.
 *
 * @publicApi
 */
export type TaskOrigin = 'code' | 'runtime' | 'internal';

/** What the ids of internal records begin with; no task of a user's may. */
export const INTERNAL_PREFIX = 'asyncz:';

/** The handler of every internal record: what a store filters by, since it is a column in clear. */
export const INTERNAL_HANDLER = 'asyncz:internal';

/**
 * What a task is. Changed only by people, and stored as one versioned, optionally encrypted envelope.
 *
 * @publicApi
 */
export interface TaskDefinition {
  readonly id: string;
  readonly name: string;
  /** The stable name of the handler. Never a module path or anything that gets loaded. */
  readonly handler: string;
  readonly args: readonly unknown[];
  readonly trigger: TriggerData;
  /** The alias of the executor. */
  readonly executor: string;
  readonly origin: TaskOrigin;
  readonly tags: readonly string[];
  readonly policies: TaskPolicies;
  /** What the code last declared, for tasks of the code; null for others. */
  readonly declared: Declaration | null;
}

/**
 * Fingerprints of what a decorator declared. A deploy compares them with what it declares now: what the code changed is
 * applied, and what only an operator changed stays.
 *
 * @publicApi
 */
export interface Declaration {
  readonly trigger: string;
  readonly options: string;
}

/**
 * Why, when and by whom a task was paused.
 *
 * @publicApi
 */
export interface Pause {
  /** Milliseconds since the epoch. */
  readonly at: number;
  readonly reason: string | null;
  readonly actor: string | null;
}

/**
 * What a person, or a program on somebody's behalf, did to a task last.
 *
 * @publicApi
 */
export interface TaskControl {
  readonly action: 'pause' | 'resume' | 'run' | 'backfill' | 'redrive' | 'cancel';
  /** Milliseconds since the epoch. */
  readonly at: number;
  readonly actor: string | null;
  readonly reason: string | null;
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
  readonly failuresInARow: number;
  /** The highest fencing token that was given out; it only grows. */
  readonly lastToken: number;
  /** The runs that have not ended: waiting for their turn, or running under a lease. */
  readonly live: readonly LiveRun[];
  readonly lastRun: LastRun | null;
  readonly problem: TaskProblem | null;
  /** Who last paused, resumed, ran, redrove or cancelled it, and why. */
  readonly control: TaskControl | null;
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
export type UnreadableReason = 'wrong-key' | 'damaged' | 'unknown-version' | 'unknown-serializer' | 'not-json';

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

/** Whether a stored task could not be read. */
export function isUnreadable(task: StoredTask): task is UnreadableTask {
  return 'unreadable' in task;
}

/** How many runs of it are under way: claimed, with a lease. */
export function runningCount(state: TaskState): number {
  let count = 0;
  for (const run of state.live) if (run.status === 'running') count += 1;
  return count;
}

/**
 * When a claim has something to do with the task; null for never, as it stands. The one number that stores index: it
 * covers the next scheduled time, a run that waits for its turn or its retry, and a lease that runs out because its
 * owner died.
 *
 * A paused task is due for what was asked for by hand and for dead owners, not for its schedule or its retries.
 */
export function dueTime(definition: Pick<TaskDefinition, 'policies' | 'origin'>, state: TaskState): number | null {
  if (definition.origin === 'internal') return null;
  let due = state.pause === null ? state.nextRunTime : null;
  if (state.live.length === 0) return due;
  const room = definition.policies.overlap === 'allow' || runningCount(state) < definition.policies.maxInstances;
  for (const run of state.live) {
    const at = runDueTime(run, room, state.pause !== null);
    if (at !== null && (due === null || at < due)) due = at;
  }
  return due;
}

function runDueTime(run: LiveRun, room: boolean, paused: boolean): number | null {
  if (run.status === 'running') return run.leaseUntil;
  if (!room) return null;
  return paused && !isByHand(run) ? null : run.availableAt;
}
