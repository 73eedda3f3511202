import type { JournalEntry } from '../model/journal.js';
import type { LiveRun, RunRecord } from '../model/run.js';
import { initialState } from '../model/task.defaults.js';
import { DEFAULT_POLICIES } from '../model/task.policies.js';
import type { TaskRecord, TaskState } from '../model/task.js';
import type { TaskDefinition } from '../model/definition.js';
import type { TaskPolicies } from '../model/task.policies.js';
import { waitingRun } from '../scheduler/plan/waiting.run.js';

/**
 * What a task of a test differs in from a plain one.
 *
 * @publicApi
 */
export interface TaskFields extends Partial<Omit<TaskDefinition, 'id' | 'policies'>> {
  readonly policies?: Partial<TaskPolicies>;
  /** Sets the next scheduled time too. Milliseconds since the epoch. */
  readonly nextRunTime?: number | null;
  readonly state?: Partial<TaskState>;
}

/** A time in 2020, with odd milliseconds so that a store that rounds is found out. */
const CREATED_AT = 1_577_880_000_123;

/**
 * A task to put into a store: a one-shot one of the handler `work`, version 1, without a next run time unless given.
 *
 * @publicApi
 */
export function makeTask(id: string, fields: TaskFields = {}): TaskRecord {
  const { policies, nextRunTime = null, state, ...definition } = fields;
  return {
    id,
    version: 1,
    definition: {
      id,
      name: id,
      handler: 'work',
      args: [],
      input: 'args',
      schemaVersion: null,
      trigger: { type: 'date', runAt: '2020-01-01T12:00:00.000Z' },
      executor: 'default',
      origin: 'runtime',
      tags: [],
      declared: null,
      ...definition,
      policies: { ...DEFAULT_POLICIES, ...policies },
    },
    state: { ...initialState(CREATED_AT), nextRunTime, nextScheduledTime: nextRunTime, ...state },
  };
}

/**
 * An ended run to put into a history.
 *
 * @publicApi
 */
export function makeRun(id: string, fields: Partial<RunRecord> = {}): RunRecord {
  return {
    id,
    taskId: 'task',
    handler: 'work',
    source: 'schedule',
    scheduledTime: CREATED_AT,
    attempt: 1,
    status: 'succeeded',
    owner: 'owner-1',
    token: 1,
    startedAt: CREATED_AT,
    endedAt: CREATED_AT + 17,
    coalesced: 0,
    dead: false,
    error: null,
    result: null,
    request: null,
    cancel: null,
    definition: null,
    ...fields,
  };
}

/**
 * An entry to put into a journal: somebody paused the task `task`.
 *
 * @param number From 0: what its id ends with. Of the same time, greater numbers are later.
 * @publicApi
 */
export function makeEntry(number: number, fields: Partial<Omit<JournalEntry, 'id'>> = {}): JournalEntry {
  const { time = CREATED_AT } = fields;
  const hex = time.toString(16).padStart(12, '0');
  return {
    id: `${hex.slice(0, 8)}-${hex.slice(8)}-7000-8000-${String(number).padStart(12, '0')}`,
    time,
    kind: 'task.paused',
    taskId: 'task',
    scheduler: 'scheduler-1',
    actor: null,
    reason: null,
    ...fields,
  };
}

/**
 * A run that waits for its turn.
 *
 * @publicApi
 */
export function makeLiveRun(id: string, fields: Partial<LiveRun> = {}): LiveRun {
  const scheduled = { source: 'schedule', scheduledTime: CREATED_AT, availableAt: CREATED_AT } as const;
  return { ...waitingRun({ id, ...scheduled }), ...fields };
}
