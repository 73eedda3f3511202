import type { SchedulerInstance } from '../model/scheduler-instance.js';
import { isUnreadable } from '../model/task.js';
import { INTERNAL_PREFIX } from '../model/definition.js';
import type { StoredTask, TaskRecord } from '../model/task.js';
import { internalRecord } from './internal.record.js';

/** The id of the record in which a store that has only the eight methods keeps who uses it. */
export const MEMBERSHIP_ID = `${INTERNAL_PREFIX}schedulers`;

/** The record that says who uses the store. */
export function membershipRecord(members: readonly SchedulerInstance[], version: number, now: number): TaskRecord {
  return { ...internalRecord(MEMBERSHIP_ID, 'schedulers that use this store', members, now), version };
}

/** Who uses the store; nobody when the record is missing or cannot be read. */
export function membersOf(stored: StoredTask | null): readonly SchedulerInstance[] {
  return stored === null || isUnreadable(stored) ? [] : (stored.definition.args as readonly SchedulerInstance[]);
}
