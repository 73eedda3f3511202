import type { TaskPolicies } from 'nestjs-asyncz';
import type { LiveRun, TaskDefinition, TaskRecord, TaskState } from 'nestjs-asyncz/store';
import { DEFAULT_POLICIES, initialState } from '../../lib/model/task.defaults.js';

/** A task for tests: an interval of a minute, due at 0, unless told otherwise. */
export function makeTask(
  changes: {
    id?: string;
    definition?: Partial<Omit<TaskDefinition, 'policies'>>;
    policies?: Partial<TaskPolicies>;
    state?: Partial<TaskState>;
    version?: number;
  } = {},
): TaskRecord {
  const id = changes.id ?? 'task';
  return {
    id,
    version: changes.version ?? 1,
    definition: {
      id,
      name: id,
      handler: 'handler',
      args: [],
      trigger: { type: 'interval', minutes: 1 },
      executor: 'default',
      origin: 'runtime',
      tags: [],
      declared: null,
      ...changes.definition,
      policies: { ...DEFAULT_POLICIES, ...changes.policies },
    },
    state: { ...initialState(0), nextScheduledTime: 0, nextRunTime: 0, ...changes.state },
  };
}

/** A run under way. */
export function makeRun(changes: Partial<LiveRun> = {}): LiveRun {
  return {
    id: 'task@run',
    source: 'schedule',
    scheduledTime: 0,
    status: 'running',
    attempt: 1,
    availableAt: 0,
    coalesced: 0,
    owner: 'other',
    token: 1,
    leaseUntil: 1_000_000,
    startedAt: 0,
    cancel: null,
    request: null,
    ...changes,
  };
}
