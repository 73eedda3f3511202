import type { LiveRun, RunRecord } from '../model/run.js';
import type { TaskRecord } from '../model/task.js';
import type { RunEvent } from './event.map.js';

/**
 * What every event of a run carries.
 *
 * @param store The alias of the store.
 */
export function runEvent(
  { id: taskId, definition }: Pick<TaskRecord, 'id' | 'definition'>,
  { id: runId, source, scheduledTime, attempt }: Pick<LiveRun, 'id' | 'source' | 'scheduledTime' | 'attempt'>,
  store: string,
): RunEvent {
  const { handler } = definition;
  return { taskId, store, runId, handler, source, scheduledTime: new Date(scheduledTime), attempt };
}

/** What the event of an ended run carries. */
export function endedRunEvent(run: RunRecord, store: string): RunEvent & { readonly run: RunRecord } {
  const { taskId, id: runId, handler, source, scheduledTime, attempt } = run;
  return { taskId, store, runId, handler, source, scheduledTime: new Date(scheduledTime), attempt, run };
}
