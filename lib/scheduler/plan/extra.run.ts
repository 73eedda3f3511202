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

/** A run that is asked for. */
export interface RunAsk {
  /** Random text for its id. */
  readonly suffix: string;
  readonly request: RunRequest;
}

/**
 * Adds extra runs that people asked for, at least one; schedule and pause stay as they are. The value is the ids of the runs.
 *
 * @throws InvalidTaskStateError When the code has disabled the task.
 */
export function runTask(task: TaskRecord, now: number, asks: readonly RunAsk[]): Change<readonly string[]> {
  refuseDisabled(task, 'run');
  const runs = asks.map(({ suffix, request }) => extraRun(task, 'manual', now, suffix, request));
  const state = { ...controlled(task.state, 'run', now, asks.at(-1)!.request), live: [...task.state.live, ...runs] };
  return changeTo(
    { ...task, state },
    runs.map(({ id }) => id),
  );
}
