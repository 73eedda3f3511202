import { keyOf } from '../../model/run.js';
import type { CancelRequest, LeaseRef } from '../../model/run.js';
import type { Store } from '../../stores/store.interface.js';
import { renewRuns } from '../plan/renew.plan.js';
import { groupByTask } from './by.task.js';
import type { KnownRecords } from './held.tasks.js';

/** The answer to a renewal. */
export interface Renewed {
  /** The leases that are no longer held: another scheduler has the run, or the task is gone. */
  readonly lost: readonly LeaseRef[];
  /** The leases that could not be renewed though others could: they hold for as long as they did. */
  readonly failed: readonly LeaseRef[];
  /** The runs still held that somebody asked to abort. */
  readonly cancelled: readonly (LeaseRef & { readonly request: CancelRequest })[];
}

/**
 * Renews leases, all of a task in one change.
 *
 * @param leaseMs How long they hold from now on by the store's clock, in milliseconds.
 */
export async function renewLeases(
  store: Pick<Store, 'transact'>,
  refs: readonly LeaseRef[],
  leaseMs: number,
  known?: Pick<KnownRecords, 'note' | 'adopted'>,
): Promise<Renewed> {
  const byTask = groupByTask(refs, ({ taskId }) => taskId);
  const { committed, failed } = await store.transact<readonly LeaseRef[]>(
    { ids: [...byTask.keys()] },
    (task, now, decided) => renewRuns(byTask.get(task.id)!, leaseMs)(known?.adopted(task) ?? task, now, decided),
  );
  const lostOf = new Map(committed.map(({ id, value }) => [id, value]));
  const unwritten = new Set(failed.map(({ id }) => id));
  const asked = new Set(refs.map(keyOf));
  const cancelled: Renewed['cancelled'][number][] = [];
  for (const { task } of committed) {
    if (!task) continue;
    known?.note(task);
    for (const { id: runId, token, cancel } of task.state.live) {
      if (cancel && asked.has(keyOf({ runId, token })))
        cancelled.push({ taskId: task.id, runId, token, request: cancel });
    }
  }
  return {
    lost: [...byTask].flatMap(([id, mine]) => (unwritten.has(id) ? [] : (lostOf.get(id) ?? mine))),
    failed: refs.filter(({ taskId }) => unwritten.has(taskId)),
    cancelled,
  };
}
