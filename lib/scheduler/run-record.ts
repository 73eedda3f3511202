import type { LiveRun, RunError, RunRecord, RunRequest, RunSource, RunStatus } from '../model/run.js';
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
    dead: false,
    error: null,
    result: undefined,
    request: run.request,
    cancel: run.cancel,
    definition: null,
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
  /** Whether it failed or was lost for good; `redrive` runs it once more. */
  readonly dead: boolean;
  readonly error: RunError | null;
  readonly result: unknown;
  /** Who asked for it, and why; null for a run of the schedule. */
  readonly request: RunRequest | null;
  /** Who asked to abort it, and why; null when nobody did. */
  readonly cancel: { readonly at: Date; readonly actor: string | null; readonly reason: string | null } | null;
}

/** An ended attempt with its times as dates. */
export function toRunInfo({ definition: _definition, ...run }: RunRecord): RunInfo {
  return {
    ...run,
    cancel: run.cancel && { ...run.cancel, at: new Date(run.cancel.at) },
    scheduledTime: new Date(run.scheduledTime),
    startedAt: run.startedAt === null ? null : new Date(run.startedAt),
    endedAt: new Date(run.endedAt),
  };
}
