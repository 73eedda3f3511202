import { isUnreadable } from '../../model/task.js';
import { INTERNAL_PREFIX } from '../../model/definition.js';
import type { DrainRequest } from '../../model/scheduler-instance.js';
import { internalRecord } from '../../stores/internal.record.js';
import type { Store } from '../../stores/store.interface.js';

/** The record in which one scheduler asks another to claim nothing more, or takes that back. */
function drainRecordId(identity: string): string {
  return `${INTERNAL_PREFIX}drain:${identity}`;
}

/** What the scheduler is asked; null when nothing is said, which also is so when the record went with all the tasks. */
export async function readDrain(store: Store, identity: string): Promise<DrainRequest | 'withdrawn' | null> {
  const record = await store.lookupTask(drainRecordId(identity));
  if (!record) return null;
  // Somebody has asked; a wrong key only hides who.
  if (isUnreadable(record)) return { at: await store.now(), actor: null, reason: null };
  return (record.definition.args[0] as DrainRequest | null) ?? 'withdrawn';
}

/** Asks a scheduler to claim nothing more; a second wish changes nothing. */
export async function writeDrain(store: Store, identity: string, request: DrainRequest): Promise<void> {
  await put(store, identity, request, request.at);
}

/**
 * Takes the wish back. That is written too: a record that is gone may have been removed with all the tasks, which is no
 * wish of anybody's.
 */
export async function withdrawDrain(store: Store, identity: string, at: number): Promise<void> {
  await put(store, identity, null, at);
}

async function put(store: Store, identity: string, request: DrainRequest | null, at: number): Promise<void> {
  const record = internalRecord(
    drainRecordId(identity),
    'whether a scheduler is asked to claim nothing more',
    [request],
    at,
  );
  const { id, definition } = record;
  while ((await store.addTasks([record])).length > 0) {
    const { missing, unreadable, failed } = await store.transact({ ids: [id] }, (old) =>
      (old.definition.args[0] === null) === (request === null)
        ? null
        : { task: { ...old, definition }, history: [], value: null },
    );
    if (failed[0]) throw failed[0].error;
    if (unreadable.length > 0) await store.deleteTask(id);
    else if (missing.length === 0) return;
  }
}

/** Removes what was said to a scheduler that is gone, or begins anew. */
export async function removeDrain(store: Store, identity: string): Promise<void> {
  await store.deleteTask(drainRecordId(identity));
}
