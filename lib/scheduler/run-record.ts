import type { LiveRun, RunError, RunRecord, RunSource, RunStatus } from '../model/run.js';
import type { TaskRecord } from '../model/task.js';

/** The record of a run that ended without a handler's answer: missed, skipped, lost or cancelled. */
export function notRun(task: TaskRecord, run: LiveRun, status: RunStatus, endedAt: number): RunRecord {
  return {
    id: run.id,
    taskId: task.id,
    handler: task.definition.handler,
    source: run.source,
    scheduledTime: run.scheduledTime,
    attempt: run.attempt,
    status,
    owner: run.owner,
    token: run.token,
    startedAt: run.startedAt,
    endedAt,
    coalesced: run.coalesced,
    error: null,
    result: undefined,
  };
}

/** An error as the history keeps it. Anything can be thrown. */
export function toRunError(error: unknown): RunError {
  if (!(error instanceof Error)) return { name: 'Error', message: safeText(error), code: null, stack: null };
  const { code } = error as { code?: unknown };
  return {
    name: error.name,
    message: error.message,
    code: typeof code === 'string' || typeof code === 'number' ? String(code) : null,
    stack: error.stack ?? null,
  };
}

function safeText(value: unknown): string {
  try {
    return String(value);
  } catch {
    return 'an object that cannot be shown was thrown';
  }
}

/**
 * An ended attempt as plain data.
 *
 * @publicApi
 */
export interface RunInfo {
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
  readonly error: RunError | null;
  readonly result: unknown;
}

/** An ended attempt with its times as dates. */
export function toRunInfo(run: RunRecord): RunInfo {
  return {
    ...run,
    scheduledTime: new Date(run.scheduledTime),
    startedAt: run.startedAt === null ? null : new Date(run.startedAt),
    endedAt: new Date(run.endedAt),
  };
}
