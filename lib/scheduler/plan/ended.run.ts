import type { TaskDefinition } from '../../model/definition.js';
import type { LiveRun, RunRecord, RunStatus } from '../../model/run.js';
import type { TaskRecord } from '../../model/task.js';

/** What the handler of a run makes of it. */
type Ending = Pick<RunRecord, 'dead' | 'error' | 'result' | 'cancel' | 'output'>;

/**
 * The record of an attempt that ended.
 *
 * @param ending Where a handler was called.
 */
export function endedRun(
  task: TaskRecord,
  run: LiveRun,
  status: RunStatus,
  endedAt: number,
  ending?: Ending,
): RunRecord {
  const { output } = ending ?? run;
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
    dead: ending?.dead ?? false,
    error: ending?.error ?? null,
    result: ending?.result,
    request: run.request,
    cancel: ending ? ending.cancel : run.cancel,
    definition: null,
    ...(output && { output }),
  };
}

/**
 * What the history keeps of a run. A dead one keeps its steps, and the definition of its task, which may be removed with it or
 * with a later run. A task that the code declares is there as long as the code declares it.
 *
 * @param steps Those of the run that are over.
 */
export function keepForRedrive(record: RunRecord, definition: TaskDefinition, steps: LiveRun['steps']): RunRecord {
  if (!record.dead) return record;
  return { ...record, ...(definition.origin === 'runtime' && { definition }), ...(steps && { steps }) };
}
