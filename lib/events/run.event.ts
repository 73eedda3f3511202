import type { TaskDefinition } from '../model/definition.js';
import type { LeaseRef, LiveRun, RunRecord } from '../model/run.js';
import type { EndedRunEvent, RunEvent } from './event.map.js';

type Held = Pick<LeaseRef, 'taskId' | 'runId'> & Pick<LiveRun, 'source' | 'scheduledTime' | 'attempt'>;

/** What the events of a run that is held have in common. @param store The alias of its store. */
export function runEvent(run: Held & { readonly task: Pick<TaskDefinition, 'handler'> }, store: string): RunEvent {
  const { taskId, runId, source, scheduledTime, attempt, task } = run;
  return { taskId, store, runId, handler: task.handler, source, scheduledTime: new Date(scheduledTime), attempt };
}

/** What the events of an ended run have in common. @param store The alias of its store. */
export function endedRunEvent(run: RunRecord, store: string): EndedRunEvent {
  const { taskId, id: runId, handler, source, scheduledTime, attempt } = run;
  return { taskId, store, runId, handler, source, scheduledTime: new Date(scheduledTime), attempt, run };
}
