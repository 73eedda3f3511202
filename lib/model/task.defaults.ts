import type { TaskState } from './task.js';
import type { TaskPolicies } from './definition.js';

/**
 * How a task is run unless it says otherwise: however late, once for all missed times, never twice at the same time in
 * the whole cluster, again when its process died.
 */
export const DEFAULT_POLICIES: TaskPolicies = {
  coalesce: 'latest',
  maxCatchUp: 100,
  misfireGraceMs: null,
  maxInstances: 1,
  overlap: 'skip',
  maxQueued: 100,
  delivery: 'at-least-once',
  priority: 0,
  group: null,
  groupLimit: 1,
  retry: null,
  timeoutMs: null,
  pauseAfterFailures: null,
};

/** The state of a task that was never scheduled. */
export function initialState(now: number): TaskState {
  return {
    createdAt: now,
    updatedAt: now,
    nextScheduledTime: null,
    nextRunTime: null,
    lastScheduledTime: null,
    exhausted: false,
    scheduledCount: 0,
    pause: null,
    failuresInARow: 0,
    lastToken: 0,
    live: [],
    lastRun: null,
    problem: null,
    control: null,
  };
}
