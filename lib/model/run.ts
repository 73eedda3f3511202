import type { Attribution, DatedAttribution } from './attribution.js';
import type { RunError } from '../errors/thrown.js';
import { namesOf } from './names.js';
import type { TaskDefinition } from './definition.js';
import type { StoredOutput } from './run.output.js';

/**
 * What made a run: the task's schedule, a person (`runTask`), the start or stop of a scheduler, a deliberate run for a
 * past time (`backfillTask`), or another attempt of a dead run (`redriveRun`).
 *
 * @publicApi
 */
export type RunSource = 'schedule' | 'manual' | 'startup' | 'shutdown' | 'backfill' | 'redrive';

/** Every {@link RunSource}, for checking input and records. */
export const RUN_SOURCES = namesOf<RunSource>({
  schedule: 0,
  manual: 0,
  startup: 0,
  shutdown: 0,
  backfill: 0,
  redrive: 0,
});

/**
 * How an attempt ended.
 *
 * - `succeeded`, `failed`: the handler returned or threw.
 * - `cancelled`: aborted on request, by a time limit's abort that the handler obeyed, or by a shutdown.
 * - `missed`: reached later than the grace time allows; did not run.
 * - `skipped`: came while the task already ran; did not run.
 * - `lost`: its process died or its lease ran out.
 *
 * @publicApi
 */
export type RunStatus = 'succeeded' | 'failed' | 'cancelled' | 'missed' | 'skipped' | 'lost';

/** Every {@link RunStatus}, for checking input and records. */
export const RUN_STATUSES = namesOf<RunStatus>({
  succeeded: 0,
  failed: 0,
  cancelled: 0,
  missed: 0,
  skipped: 0,
  lost: 0,
});

/**
 * Who asked for a run that is not the schedule's, and why.
 *
 * @publicApi
 */
export interface RunRequest extends Attribution {}

/**
 * A request to abort a run, left where its owner finds it.
 *
 * @publicApi
 */
export interface CancelRequest extends DatedAttribution {}

/**
 * A step of a run that is over, as it is kept with the run: `TaskContext.step` and `sleep`. Times are milliseconds since the epoch.
 *
 * @publicApi
 */
export interface StoredStep {
  /** Unique among the steps of the run. */
  readonly name: string;
  /** When it was over, by the clock of the store as the process knew it that ran the step. */
  readonly at: number;
  /** What it came to, as JSON text. Left out where that is undefined. */
  readonly result?: string;
  /** A sleep: until when. It has no result. */
  readonly until?: number;
}

/**
 * A run that has not ended, kept inside its task's state so that a claim is one write to one record. Times are
 * milliseconds since the epoch by the store's clock.
 *
 * @publicApi
 */
export interface LiveRun {
  /** Deterministic for scheduled runs: task id and scheduled time. The same through all attempts. */
  readonly id: string;
  readonly source: RunSource;
  readonly scheduledTime: number;
  /** `waiting` for its turn or its retry, or `running` under a lease. */
  readonly status: 'waiting' | 'running';
  /** From 1. */
  readonly attempt: number;
  /** How many attempts were lost in a row, up to the one before this. */
  readonly lost: number;
  /** Waiting: when it may start. */
  readonly availableAt: number;
  /** How many other due times were folded into it. */
  readonly coalesced: number;
  /** Running: the identity of the scheduler that holds the lease. */
  readonly owner: string | null;
  /** Running: the fencing token. Every start of every run of the task has a larger one. */
  readonly token: number;
  /** Running: until when the lease holds. */
  readonly leaseUntil: number | null;
  readonly startedAt: number | null;
  readonly cancel: CancelRequest | null;
  /** Who asked for it; null for a run of the schedule. */
  readonly request: RunRequest | null;
  /** The steps that are over, in the order in which they were; the next attempt does not run them again. None when left out. */
  readonly steps?: readonly StoredStep[];
  /** Waiting: set where its handler has put the run off, so that the same attempt goes on. Left out otherwise. */
  readonly asleep?: true;
  /** What the handler has said in this attempt, up to a second ago. None when left out. */
  readonly output?: StoredOutput;
}

/** A lease by what names it: the run that it is of, and the fencing token that it was given out with. */
export interface LeaseRef {
  readonly taskId: string;
  readonly runId: string;
  readonly token: number;
}

/** The key of one attempt in this process: no two leases share run and token. */
export function keyOf({ runId, token }: Pick<LeaseRef, 'runId' | 'token'>): string {
  return `${runId}/${token}`;
}

/** Whether a person wants this run now: it starts although its task is paused. */
export function isByHand({ source }: Pick<LiveRun, 'source'>): boolean {
  return source === 'manual' || source === 'redrive';
}

/**
 * An attempt that ended, as the history keeps it. Times are milliseconds since the epoch.
 *
 * @publicApi
 */
export interface RunRecord {
  /** Begins with the id of the task and an `@`: stores may find the run by its task. */
  readonly id: string;
  readonly taskId: string;
  readonly handler: string;
  readonly source: RunSource;
  readonly scheduledTime: number;
  readonly attempt: number;
  readonly status: RunStatus;
  readonly owner: string | null;
  readonly token: number;
  readonly startedAt: number | null;
  readonly endedAt: number;
  /** How many other due times were folded into it; for `missed` and `skipped`, how many further ones it stands for. */
  readonly coalesced: number;
  /**
   * Whether it failed or was lost for good: no attempt follows. Such a run waits for somebody to look at it, and
   * `redriveRun` runs it once more.
   */
  readonly dead: boolean;
  readonly error: RunError | null;
  readonly result: unknown;
  /** Who asked for it; null for a run of the schedule. */
  readonly request: RunRequest | null;
  /** Who asked to abort it; null when nobody did. */
  readonly cancel: CancelRequest | null;
  /**
   * The task of a dead run as it was at that moment, so that it can be run once more when the task is gone; null for all
   * other runs, and for those of tasks that the code declares.
   */
  readonly definition: TaskDefinition | null;
  /** The steps of a dead run that were over, so that it goes on after them when it is run once more. None when left out. */
  readonly steps?: readonly StoredStep[];
  /** What the handler has said. None when left out. */
  readonly output?: StoredOutput;
}

/**
 * The id of a scheduled run: the same on every node and for every attempt.
 *
 * @param scheduledTime Milliseconds since the epoch.
 */
export function scheduledRunId(taskId: string, scheduledTime: number): string {
  if (scheduledTime !== lastTime) {
    lastText = `@${new Date(scheduledTime).toISOString()}`;
    lastTime = scheduledTime;
  }
  return taskId + lastText;
}

/** The time that was written last, and its text: what is due together mostly has the same, and to write it takes long. */
let lastTime = NaN;
let lastText = '';

/** The time that the id of a run says, in milliseconds since the epoch: when it was due, or asked for; null for none. */
export function timeOfRun(runId: string): number | null {
  const time = Date.parse(runId.slice(runId.lastIndexOf('@') + 1).replace(/#.*/s, ''));
  return Number.isNaN(time) ? null : time;
}

/** The id of the task that a run is of: what its own id begins with, since what follows has no further `@`; null for none. */
export function taskIdOfRun(runId: string): string | null {
  const at = runId.lastIndexOf('@');
  return at > 0 ? runId.slice(0, at) : null;
}
