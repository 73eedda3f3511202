import { randomBytes } from 'node:crypto';
import type { LiveRun } from '../../model/run.js';
import type { TaskRecord } from '../../model/task.js';
import { waitingRun } from './waiting-run.js';

/** A run beside the schedule, waiting for its turn. */
export function extraRun(
  task: TaskRecord,
  source: LiveRun['source'],
  now: number,
  request: LiveRun['request'] = null,
): LiveRun {
  return waitingRun({
    // Two extra runs may be asked for in the same millisecond.
    id: `${task.id}@${new Date(now).toISOString()}#${source}-${randomBytes(4).toString('hex')}`,
    source,
    scheduledTime: now,
    availableAt: now,
    request,
  });
}
