import type { TaskDefinition } from '../../model/definition.js';
import type { LiveRun, RunRecord, RunStatus } from '../../model/run.js';
import type { TaskRecord } from '../../model/task.js';

/** The record of an attempt that ended, without the outcome of its handler. */
export function endedRun(task: TaskRecord, run: LiveRun, status: RunStatus, endedAt: number): RunRecord {
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

/**
 * What the history keeps of a run. A dead one keeps the definition of its task, which may be removed with it or with a
 * later run. A task that the code declares is there as long as the code declares it.
 */
export function keepForRedrive(record: RunRecord, definition: TaskDefinition): RunRecord {
  return record.dead && definition.origin === 'runtime' ? { ...record, definition } : record;
}
