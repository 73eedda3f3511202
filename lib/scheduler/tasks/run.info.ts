import type { RunError } from '../../errors/thrown.js';
import { InvalidOptionError } from '../../errors/input.errors.js';
import { RunNotFoundError } from '../../errors/run.errors.js';
import { taskIdOfRun } from '../../model/run.js';
import type { LiveRun, RunRecord, RunRequest, RunSource, RunStatus } from '../../model/run.js';
import type { TaskRecord } from '../../model/task.js';

/**
 * An ended attempt as plain data.
 *
 * @publicApi
 */
export interface RunInfo<Result = unknown> {
  readonly id: string;
  readonly taskId: string;
  readonly handler: string;
  readonly source: RunSource;
  readonly scheduledTime: Date;
  readonly attempt: number;
  readonly status: RunStatus;
  readonly owner: string | null;
  readonly token: number;
  readonly startedAt: Date | null;
  readonly endedAt: Date;
  readonly coalesced: number;
  /** Whether it failed or was lost for good; `redriveRun` gives it one more attempt. */
  readonly dead: boolean;
  readonly error: RunError | null;
  readonly result: Result;
  /** Who asked for it, and why; null for a run of the schedule. */
  readonly request: RunRequest | null;
  /** Who cancelled it, and why; null when nobody did. */
  readonly cancel: { readonly at: Date; readonly actor: string | null; readonly reason: string | null } | null;
}

/**
 * A run that has not ended, as plain data: it waits for its turn or its retry, or is under way.
 *
 * @publicApi
 */
export interface LiveRunInfo {
  readonly id: string;
  readonly taskId: string;
  readonly handler: string;
  readonly status: 'waiting' | 'running';
  readonly source: RunSource;
  readonly scheduledTime: Date;
  readonly attempt: number;
  /** Waiting: when it may start. */
  readonly availableAt: Date;
  readonly owner: string | null;
  readonly token: number;
  readonly startedAt: Date | null;
  readonly leaseUntil: Date | null;
  readonly coalesced: number;
  /** Who asked for it, and why; null for a run of the schedule. */
  readonly request: RunRequest | null;
  /** Who asked to cancel it, and why; null when nobody did. */
  readonly cancel: RunInfo['cancel'];
}

/**
 * A run that has ended, or not: its `status` tells them apart.
 *
 * @publicApi
 */
export type AnyRunInfo = RunInfo | LiveRunInfo;

/** A run of a task that has not ended, with its times as dates. */
export function toLiveRunInfo(
  { lost: _lost, steps: _steps, asleep: _asleep, output: _output, ...run }: LiveRun,
  { id: taskId, definition }: TaskRecord,
): LiveRunInfo {
  return {
    ...run,
    taskId,
    handler: definition.handler,
    scheduledTime: new Date(run.scheduledTime),
    availableAt: new Date(run.availableAt),
    startedAt: run.startedAt === null ? null : new Date(run.startedAt),
    leaseUntil: run.leaseUntil === null ? null : new Date(run.leaseUntil),
    cancel: run.cancel && { ...run.cancel, at: new Date(run.cancel.at) },
  };
}

/** The task of a run. @throws InvalidOptionError, RunNotFoundError (no run has such an id) */
export function taskIdOf(runId: string): string {
  if (typeof runId !== 'string' || runId === '') throw new InvalidOptionError('runId', runId, 'the id of a run');
  const taskId = taskIdOfRun(runId);
  if (taskId === null) throw new RunNotFoundError(runId);
  return taskId;
}

/** An ended attempt with its times as dates. */
export function toRunInfo({ definition: _definition, steps: _steps, output: _output, ...run }: RunRecord): RunInfo {
  return {
    ...run,
    cancel: run.cancel && { ...run.cancel, at: new Date(run.cancel.at) },
    scheduledTime: new Date(run.scheduledTime),
    startedAt: run.startedAt === null ? null : new Date(run.startedAt),
    endedAt: new Date(run.endedAt),
  };
}
