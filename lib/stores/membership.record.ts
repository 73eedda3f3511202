import type { SchedulerInstance } from '../model/scheduler-instance.js';
import { isUnreadable } from '../model/task.js';
import { INTERNAL_PREFIX } from '../model/definition.js';
import type { StoredTask } from '../model/task.js';

/** The id of the record in which a store that has only the eight methods keeps who uses it. */
export const MEMBERSHIP_ID = `${INTERNAL_PREFIX}schedulers`;

/** Who uses the store; nobody when the record is missing or cannot be read. */
export function membersOf(stored: StoredTask | null): readonly SchedulerInstance[] {
  return stored === null || isUnreadable(stored) ? [] : (stored.definition.args as readonly SchedulerInstance[]);
}

/** The same but for one. */
export function withoutMember(stored: StoredTask, identity: string): readonly SchedulerInstance[] {
  return membersOf(stored).filter((member) => member.identity !== identity);
}
