import type { Transacted } from '../../store.interface.js';
import type { Selection } from '../../selection.interface.js';
import type { Apply } from '../../../model/change.js';
import { unheeded } from '../sql/sql.js';
import type { Script } from '../sql/sql.js';
import { insertEntries } from '../sql/journal.sql.js';
import { committed, decide, encodeRuns, encodeTasks, entriesOf, keepRuns, remove, select } from './changes.js';
import type { TransactionContext } from './changes.js';

/**
 * `Store.transact` where rows are locked from the reading to the writing: one statement reads, and one writes each kind of
 * change, however many tasks there are.
 */
export function* transactLocked<T>(
  context: TransactionContext,
  selection: Selection,
  apply: Apply<T>,
): Script<Transacted<T>> {
  const { storeNow, tasks, missing, unreadable } = yield* select(context, selection);
  const { decided, left } = decide(tasks, storeNow, apply);
  const { dialect, codec } = context;
  const rows = encodeTasks(codec, decided);
  const runs = encodeRuns(codec, decided);
  const entries = entriesOf(codec, decided);
  // What is locked can be written, so nothing is read from the answers.
  if (rows.states.length > 0) yield* unheeded(dialect.updateStates(rows.states));
  if (rows.tasks.length > 0) yield* unheeded(dialect.updateTasks(rows.tasks));
  if (rows.deleted.length > 0) yield* unheeded(remove(dialect, rows.deleted));
  if (runs.length > 0) yield* unheeded(keepRuns(dialect, runs));
  if (entries.length > 0) yield* unheeded(insertEntries(dialect, entries));
  return { committed: decided.map(committed), left, missing, unreadable, failed: [], storeNow };
}
