import { randomBytes } from 'node:crypto';
import type { LiveRun } from '../model/run.js';
import type { TaskRecord } from '../model/task.js';

/** A run beside the schedule, waiting for its turn. */
export function extraRun(
  task: TaskRecord,
  source: LiveRun['source'],
  now: number,
  request: LiveRun['request'] = null,
): LiveRun {
  return {
    // Two extra runs may be asked for in the same millisecond.
    id: `${task.id}@${new Date(now).toISOString()}#${source}-${randomBytes(4).toString('hex')}`,
    source,
    scheduledTime: now,
    status: 'waiting',
    attempt: 1,
    availableAt: now,
    coalesced: 0,
    owner: null,
    token: 0,
    leaseUntil: null,
    startedAt: null,
    cancel: null,
    request,
  };
}
