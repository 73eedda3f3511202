import { isUnreadable } from '../../model/task.js';
import { INTERNAL_PREFIX } from '../../model/definition.js';
import type { JournalEntry } from '../../model/journal.js';
import type { DrainRequest } from '../../model/scheduler-instance.js';
import { deleteJournaled, transactJournaled } from '../../stores/journaled.js';
import { changeInternal, withArgs } from '../../stores/internal.record.js';
import type { Store } from '../../stores/store.interface.js';

/** The record in which one scheduler asks another to claim nothing more. */
function drainRecordId(identity: string): string {
  return `${INTERNAL_PREFIX}drain:${identity}`;
}

/** The request to a scheduler to claim nothing more; null when there is none. */
export async function readDrain(store: Store, identity: string): Promise<DrainRequest | null> {
  const record = await store.lookupTask(drainRecordId(identity));
  if (!record) return null;
  // There is a request; a wrong key only hides whose it is.
  if (isUnreadable(record)) return { at: await store.now(), actor: null, reason: null };
  return (record.definition.args[0] as DrainRequest | undefined) ?? null;
}

/** Asks a scheduler to claim nothing more; a second request changes nothing. */
export async function writeDrain(
  store: Store,
  identity: string,
  request: DrainRequest,
  journal: readonly JournalEntry[],
): Promise<void> {
  const records = {
    ids: [drainRecordId(identity)],
    name: 'whether a scheduler is asked to claim nothing more',
    replaceUnreadable: true,
  };
  const journaled: Pick<Store, 'transact' | 'addTasks' | 'deleteTask'> = {
    transact: (selection, apply) => transactJournaled(store, selection, apply),
    addTasks: (tasks) => store.addTasks(tasks),
    deleteTask: (id) => store.deleteTask(id),
  };
  const { failed } = await changeInternal(journaled, records, (record) =>
    record.definition.args.length > 0 ? null : { ...withArgs(record, [request]), journal },
  );
  if (failed[0]) throw failed[0].error;
}

/** Takes the request back, or removes what is left of one to a scheduler that is gone or begins anew. */
export async function removeDrain(
  store: Store,
  identity: string,
  journal: readonly JournalEntry[] = [],
): Promise<void> {
  await deleteJournaled(store, drainRecordId(identity), { journal });
}
