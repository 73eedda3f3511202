import type { LiveRun, RunRecord } from '../model/run.js';
import type { TaskRecord } from '../model/task.js';
import type { EndedRunEvent, RunEvent } from './event.map.js';

/** What the events of a live run have in common. @param store The alias of its store. */
export function runEvent(task: TaskRecord, run: LiveRun, store: string): RunEvent {
  const { id: runId, source, scheduledTime, attempt } = run;
  const { handler } = task.definition;
  return { taskId: task.id, store, runId, handler, source, scheduledTime: new Date(scheduledTime), attempt };
}

/** What the events of an ended run have in common. @param store The alias of its store. */
export function endedRunEvent(run: RunRecord, store: string): EndedRunEvent {
  const { taskId, id: runId, handler, source, scheduledTime, attempt } = run;
  return { taskId, store, runId, handler, source, scheduledTime: new Date(scheduledTime), attempt, run };
}
