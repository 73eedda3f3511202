import { TaskConflictError, TaskUnreadableError } from '../../errors/task.errors.js';
import type { JournalEntry } from '../../model/journal.js';
import type { Change } from '../../model/change.js';
import type { TaskRecord } from '../../model/task.js';
import { addAllJournaled, transactJournaled } from '../../stores/journaled.js';
import type { Settled } from '../plan/dedupe.plan.js';
import type { StoreHandle } from './store.handle.js';

/** How often a task is added that somebody else removes each time, until that counts as a conflict. */
const MAX_ROUNDS = 20;

/** Decides what becomes of a task that is there: null to leave it as it is. Pure, and may be called again. */
export type SettlePlan = (old: TaskRecord, now: number, fresh: TaskRecord) => Change<Settled> | null;

/** A task that is to be added, or to change what is there. */
export interface Unsettled {
  readonly task: TaskRecord;
  readonly plan: SettlePlan;
}

/** What is in the store now, and what was done. */
export interface SettledTask {
  readonly task: TaskRecord;
  readonly outcome: Settled | 'existing';
}

/**
 * Adds tasks, or changes what is there under their ids as their plans say: each in one step of the store, which is what holds on
 * all nodes. What is removed in between is added, and what is added in between is changed.
 *
 * @param transaction The caller's own, or undefined. Then it is looked first, as an id that is taken aborts some transactions.
 * @param isNew Whether to add first, since they are not there most likely.
 * @param journal The entries of those that are added.
 * @throws TaskUnreadableError For a record that cannot be read: it stays as it is.
 */
export async function settleTasks(
  handle: StoreHandle,
  unsettled: readonly Unsettled[],
  transaction: unknown,
  isNew: boolean,
  journal: readonly JournalEntry[],
): Promise<ReadonlyMap<string, SettledTask>> {
  const { activeStore: store } = handle;
  const byId = new Map(unsettled.map((one) => [one.task.id, one]));
  const settled = new Map<string, SettledTask>();
  let pending = [...byId.keys()];
  for (let round = 1; pending.length > 0; round += 1) {
    if (round > MAX_ROUNDS) throw new TaskConflictError(pending[0]!, `the store "${handle.alias}"`);
    let missing: readonly string[] = pending;
    if (round > 1 || !isNew || transaction !== undefined) {
      const done = await transactJournaled(
        store,
        { ids: pending },
        (old, now) => {
          const { task, plan } = byId.get(old.id)!;
          return plan(old, now, task);
        },
        { transaction },
      );
      if (done.failed[0]) throw done.failed[0].error;
      const [damaged] = done.unreadable;
      if (damaged) throw new TaskUnreadableError(damaged.id, damaged.unreadable, damaged.message);
      for (const { id, task, value } of done.committed) if (task) settled.set(id, { task, outcome: value });
      for (const task of done.left) settled.set(task.id, { task, outcome: 'existing' });
      // What is not committed yet is due for nobody; the store tells when it is.
      if (transaction === undefined) handle.wakeFor(...done.committed.flatMap(({ task }) => task ?? []));
      // One that had nothing left to run was removed with its change.
      missing = [...done.missing, ...done.committed.flatMap(({ id, task }) => (task ? [] : [id]))];
    }
    if (missing.length === 0) break;
    const fresh = missing.map((id) => byId.get(id)!.task);
    const taken = new Set(await addAllJournaled(store, fresh, { transaction, journal }));
    for (const task of fresh) if (!taken.has(task.id)) settled.set(task.id, { task, outcome: 'added' });
    pending = [...taken];
  }
  return settled;
}
