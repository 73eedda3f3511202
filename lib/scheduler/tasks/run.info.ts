import type { RunError } from '../../errors/thrown.js';
import type { RunRecord, RunRequest, RunSource, RunStatus } from '../../model/run.js';

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

/** An ended attempt with its times as dates. */
export function toRunInfo({ definition: _definition, steps: _steps, ...run }: RunRecord): RunInfo {
  return {
    ...run,
    cancel: run.cancel && { ...run.cancel, at: new Date(run.cancel.at) },
    scheduledTime: new Date(run.scheduledTime),
    startedAt: run.startedAt === null ? null : new Date(run.startedAt),
    endedAt: new Date(run.endedAt),
  };
}
