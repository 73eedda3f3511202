import type { TaskDefinition } from '../model/definition.js';
import type { LeaseRef, LiveRun, RunRecord } from '../model/run.js';
import type { EndedRunEvent, RunEvent } from './event.map.js';

type Held = Pick<LeaseRef, 'taskId' | 'runId'> & Pick<LiveRun, 'source' | 'scheduledTime' | 'attempt'>;

/** What the events of a run that is held have in common. @param store The alias of its store. */
export function runEvent(
  run: Held & { readonly task: Pick<TaskDefinition, 'handler' | 'tags'> },
  store: string,
): RunEvent {
  const { taskId, runId, source, attempt, task } = run;
  const { handler, tags } = task;
  return { taskId, store, runId, handler, tags, source, scheduledTime: new Date(run.scheduledTime), attempt };
}

/**
 * What the events of an ended run have in common.
 *
 * @param store The alias of its store.
 * @param task The definition of its task.
 */
export function endedRunEvent(run: RunRecord, store: string, task: Pick<TaskDefinition, 'tags'>): EndedRunEvent {
  const { taskId, id: runId, handler, source, scheduledTime, attempt } = run;
  const { tags } = task;
  return { taskId, store, runId, handler, tags, source, scheduledTime: new Date(scheduledTime), attempt, run };
}
