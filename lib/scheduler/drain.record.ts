import { INTERNAL_PREFIX, isUnreadable } from '../model/task.js';
import type { DrainRequest } from '../model/scheduler-instance.js';
import { internalRecord } from '../stores/internal.record.js';
import type { Store } from '../stores/store.interface.js';

/** The record in which one scheduler asks another to claim nothing more. */
function drainRecordId(identity: string): string {
  return `${INTERNAL_PREFIX}drain:${identity}`;
}

/** What the scheduler is asked; null when nobody asks it to claim nothing. */
export async function readDrain(store: Store, identity: string): Promise<DrainRequest | null> {
  const record = await store.lookupTask(drainRecordId(identity));
  if (!record) return null;
  // Somebody has asked; a wrong key only hides who.
  if (isUnreadable(record)) return { at: await store.now(), actor: null, reason: null };
  return record.definition.args[0] as DrainRequest;
}

/** Asks a scheduler to claim nothing more; a second wish changes nothing. */
export async function writeDrain(store: Store, identity: string, request: DrainRequest): Promise<void> {
  const id = drainRecordId(identity);
  await store.addTasks([internalRecord(id, 'a scheduler that is asked to claim nothing more', [request], request.at)]);
}

/** Takes the wish back. Returns whether there was one. */
export async function removeDrain(store: Store, identity: string): Promise<boolean> {
  return store.deleteTask(drainRecordId(identity));
}
