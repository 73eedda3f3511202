import type { LiveRun, RunRecord } from '../model/run.js';
import type { TaskRecord } from '../model/task.js';
import type { EndedRunEvent, RunEvent } from './event.map.js';

/** What the events of a live run have in common. @param store The alias of its store. */
export function runEvent(task: TaskRecord, run: LiveRun, store: string): RunEvent {
  return fieldsOf({ ...run, taskId: task.id, handler: task.definition.handler }, store);
}

/** What the events of an ended run have in common. @param store The alias of its store. */
export function endedRunEvent(run: RunRecord, store: string): EndedRunEvent {
  return { ...fieldsOf(run, store), run };
}

function fieldsOf(
  run: Pick<RunRecord, 'taskId' | 'id' | 'handler' | 'source' | 'scheduledTime' | 'attempt'>,
  store: string,
): RunEvent {
  return {
    taskId: run.taskId,
    store,
    runId: run.id,
    handler: run.handler,
    source: run.source,
    scheduledTime: new Date(run.scheduledTime),
    attempt: run.attempt,
  };
}
