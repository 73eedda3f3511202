import type { SchedulerInstance } from '../model/scheduler-instance.js';
import { isUnreadable } from '../model/task.js';
import { INTERNAL_PREFIX } from '../model/definition.js';
import type { StoredTask } from '../model/task.js';
import { changeInternal, withArgs } from './internal.record.js';
import type { Store } from './store.interface.js';

type MemberStore = Parameters<typeof changeInternal>[0] & Pick<Store, 'transact'>;

/** The id of the record in which a store that has only the eight methods keeps who uses it. */
export const MEMBERSHIP_ID = `${INTERNAL_PREFIX}schedulers`;

/** Who uses the store; nobody when the record is missing or cannot be read. */
export function membersOf(stored: StoredTask | null): readonly SchedulerInstance[] {
  return stored === null || isUnreadable(stored) ? [] : (stored.definition.args as readonly SchedulerInstance[]);
}

/** Writes when a scheduler was last there, by the store's clock. */
export async function writeMember(store: MemberStore, instance: SchedulerInstance): Promise<void> {
  const records = { ids: [MEMBERSHIP_ID], name: 'schedulers that use this store', replaceUnreadable: true };
  const { failed } = await changeInternal(store, records, (record, storeNow) =>
    withArgs(record, [...withoutMember(record, instance.identity), { ...instance, heartbeatAt: storeNow }]),
  );
  if (failed[0]) throw failed[0].error;
}

/** Removes a scheduler. */
export async function removeMember(store: MemberStore, identity: string): Promise<void> {
  const { failed } = await store.transact({ ids: [MEMBERSHIP_ID] }, (record) =>
    withArgs(record, withoutMember(record, identity)),
  );
  if (failed[0]) throw failed[0].error;
}

function withoutMember(stored: StoredTask, identity: string): readonly SchedulerInstance[] {
  return membersOf(stored).filter((member) => member.identity !== identity);
}
