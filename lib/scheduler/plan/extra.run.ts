import type { Change } from '../../model/change.js';
import type { LiveRun, RunRequest } from '../../model/run.js';
import type { TaskRecord } from '../../model/task.js';
import { changeTo } from './change.js';
import { refuseDisabled } from './disabled.plan.js';
import { controlled } from './control.plan.js';
import { waitingRun } from './waiting.run.js';

/**
 * A run beside the schedule, waiting for its turn.
 *
 * @param suffix Random text for its id: two extra runs may be asked for in the same millisecond.
 */
export function extraRun(
  task: TaskRecord,
  source: LiveRun['source'],
  now: number,
  suffix: string,
  request: LiveRun['request'] = null,
): LiveRun {
  return waitingRun({
    id: `${task.id}@${new Date(now).toISOString()}#${source}-${suffix}`,
    source,
    scheduledTime: now,
    availableAt: now,
    request,
  });
}

/**
 * Adds an extra run that a person asked for; schedule and pause stay as they are. The value is the id of the run.
 *
 * @throws InvalidTaskStateError When the code has disabled the task.
 */
export function runTask(task: TaskRecord, now: number, suffix: string, request: RunRequest): Change<string> {
  refuseDisabled(task, 'run');
  const run = extraRun(task, 'manual', now, suffix, request);
  const state = { ...controlled(task.state, 'run', now, request), live: [...task.state.live, run] };
  return changeTo({ ...task, state }, run.id);
}
