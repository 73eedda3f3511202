import type { TaskState } from './task.js';

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
    lostInARow: 0,
    lastToken: 0,
    lease: null,
    live: [],
    lastRun: null,
    problem: null,
    control: null,
  };
}
