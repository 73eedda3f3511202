import type { SchedulerInstance } from '../model/scheduler-instance.js';
import { DEFAULT_POLICIES, initialState } from '../model/task.defaults.js';
import { isUnreadable } from '../model/task.js';
import type { StoredTask, TaskRecord } from '../model/task.js';

/**
 * The id of the record in which a store that has only the eight methods keeps who uses it. It is never due, and no query
 * shows it.
 */
export const MEMBERSHIP_ID = 'asyncz:schedulers';

/** Whether a stored task is the record of who uses the store. */
export function isMembershipRecord(task: StoredTask): boolean {
  return task.id === MEMBERSHIP_ID;
}

/** The record that says who uses the store. */
export function membershipRecord(members: readonly SchedulerInstance[], version: number, now: number): TaskRecord {
  return {
    id: MEMBERSHIP_ID,
    version,
    definition: {
      id: MEMBERSHIP_ID,
      name: 'schedulers that use this store',
      handler: MEMBERSHIP_ID,
      args: members,
      trigger: { type: 'startup' },
      executor: 'default',
      origin: 'code',
      tags: [],
      policies: DEFAULT_POLICIES,
      declared: null,
    },
    state: initialState(now),
  };
}

/** Who uses the store; nobody when the record is missing or cannot be read. */
export function membersOf(stored: StoredTask | null): readonly SchedulerInstance[] {
  return stored === null || isUnreadable(stored) ? [] : (stored.definition.args as readonly SchedulerInstance[]);
}
