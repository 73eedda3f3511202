import { INTERNAL_PREFIX } from '../../model/definition.js';
import type { JournalEntry } from '../../model/journal.js';
import { changeInternal, withArgs } from '../../stores/internal.record.js';
import { transactJournaled } from '../../stores/journaled.js';
import type { Store } from '../../stores/store.interface.js';
import type { WatchEntry } from '../plan/expect.plan.js';

/** The id of the record that says which tasks are late or silent, so that one scheduler alone tells of it. */
const WATCH_RECORD = `${INTERNAL_PREFIX}watch`;

/** How many tasks are remembered: all of them stand in one record. */
export const MAX_WATCHED = 2_000;

/** What is remembered, by the ids of the tasks. */
export type Watched = Readonly<Record<string, WatchEntry>>;

/** What becomes of it, with what is to be noted in the journal in the same step. */
interface WatchedChange {
  readonly after: Watched;
  readonly journal?: readonly JournalEntry[];
}

/** Whether anything is remembered in a store. */
export async function remembersAny(store: Pick<Store, 'lookupTask'>): Promise<boolean> {
  return (await store.lookupTask(WATCH_RECORD)) !== null;
}

/**
 * Changes what is remembered of tasks, in one step.
 *
 * @param change What becomes of it; null to leave it. Called more than once if others change it meanwhile.
 * @returns What it became; null where it was left.
 */
export async function changeWatched(
  store: Store,
  change: (before: Watched, now: number) => WatchedChange | null,
): Promise<Watched | null> {
  const journaled: Pick<Store, 'transact' | 'addTasks' | 'deleteTask'> = {
    transact: (selection, apply) => transactJournaled(store, selection, apply),
    addTasks: (tasks) => store.addTasks(tasks),
    deleteTask: (id) => store.deleteTask(id),
  };
  // What is lost of it, is told once more.
  const records = { ids: [WATCH_RECORD], name: 'says which tasks are late or silent', replaceUnreadable: true };
  const { committed, failed } = await changeInternal(journaled, records, (record, now) => {
    const changed = change(readWatched(record.definition.args[0]), now);
    if (changed === null) return null;
    const { after, journal = [] } = changed;
    return { task: withArgs(record, [after]).task, journal, value: after };
  });
  if (failed[0]) throw failed[0].error;
  return committed[0]?.value ?? null;
}

function readWatched(value: unknown): Watched {
  return typeof value === 'object' && value !== null ? (value as Watched) : {};
}
