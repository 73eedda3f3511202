import type { TaskPolicies } from 'nestjs-asyncz';
import type { LiveRun, TaskDefinition, TaskRecord, TaskState } from 'nestjs-asyncz/store';
import { makeLiveRun, makeTask } from 'nestjs-asyncz/testing';

/** A trigger that is not due during a test unless its clock is moved. */
export const HOURLY = { type: 'interval', hours: 1 } as const;

/** Who asks for something, and why. */
export const ASKED = { actor: 'ada', reason: 'on call' };

/** A task for tests of plans: every minute, due at 0, unless told otherwise. */
export function minuteTask(
  changes: {
    id?: string;
    definition?: Partial<Omit<TaskDefinition, 'id' | 'policies'>>;
    policies?: Partial<TaskPolicies>;
    state?: Partial<TaskState>;
  } = {},
): TaskRecord {
  const { id = 'task', definition, policies, state } = changes;
  return makeTask(id, {
    handler: 'handler',
    trigger: { type: 'interval', minutes: 1 },
    nextRunTime: 0,
    ...definition,
    ...(policies && { policies }),
    state: { createdAt: 0, updatedAt: 0, ...state },
  });
}

/** A run under way, of another scheduler. */
export function runningRun(changes: Partial<LiveRun> = {}): LiveRun {
  return makeLiveRun('task@run', {
    scheduledTime: 0,
    availableAt: 0,
    status: 'running',
    owner: 'other',
    token: 1,
    leaseUntil: 1_000_000,
    startedAt: 0,
    ...changes,
  });
}
