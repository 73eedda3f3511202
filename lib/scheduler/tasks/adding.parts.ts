import type { Attribution } from '../../model/attribution.js';
import type { JournalEntry } from '../../model/journal.js';
import type { TaskRecord } from '../../model/task.js';
import type { JournalNotes } from '../plan/journal.notes.js';
import type { AtStart } from './pending.tasks.js';
import type { SettlePlan, Unsettled } from './settle.tasks.js';
import type { StoreHandle } from './store.handle.js';
import { TaskSeries } from './task.series.js';
import type { WorkPace } from './work.pace.js';

/** A task that was added, or waits for the start. */
export interface Added {
  readonly handle: StoreHandle;
  readonly task: TaskRecord;
}

/** A task that was checked and is to be added. */
export interface Checked {
  readonly task: TaskRecord;
  /** What becomes of what is there under its id; null where that is a conflict. */
  readonly onConflict: AtStart | null;
  /** Its entry of the journal, if it has one. */
  readonly journal: readonly JournalEntry[];
}

/** The tasks of one store that are to be added. */
export interface Part {
  readonly handle: StoreHandle;
  readonly series: TaskSeries;
  readonly tasks: TaskRecord[];
  /** The ids that were given. */
  readonly ids: Set<string>;
  /** What becomes of what is there, of those where it is no conflict. */
  readonly onConflict: Map<string, AtStart>;
  /** The entries of the journal, by the id of the task. */
  readonly journal: Map<string, JournalEntry>;
}

/** What one call of a store adds. */
export interface Batch extends Pick<Part, 'handle' | 'tasks' | 'onConflict'> {
  readonly journal: readonly JournalEntry[];
  readonly transaction: unknown;
}

/** @throws InvalidOptionError When the store has no transactions of the caller for adds and changes. */
export function requireTransactions(handle: StoreHandle): void {
  handle.requireTransactions('transactionalAdds');
  handle.requireTransactions('transactionalChanges');
}

/** A plan for what is there already, whose changes have entries of the journal. */
export function settling(notes: JournalNotes, request: Attribution, plan: SettlePlan): SettlePlan {
  return (old, now, fresh) => {
    const change = plan(old, now, fresh);
    if (!change) return null;
    const kind = change.value === 'added' ? 'task.added' : 'task.updated';
    return { ...change, journal: [notes.changed(kind, now, request, old, change.task)] };
  };
}

/** A task that is to change what is there under its id, by a plan; nothing for others. */
export function unsettledOf(task: TaskRecord, onConflict: ReadonlyMap<string, AtStart>): Unsettled[] {
  const plan = onConflict.get(task.id);
  return plan === undefined || plan === 'replace' ? [] : [{ task, plan }];
}

export function newPart(handle: StoreHandle): Part {
  const series = new TaskSeries(handle.clock.now());
  return { handle, series, tasks: [], ids: new Set(), onConflict: new Map(), journal: new Map() };
}

/** The calls of the stores that add all parts. */
export function* batchesOf(parts: readonly Part[], pace: WorkPace, transaction: unknown): Generator<Batch> {
  for (const { handle, tasks, onConflict, journal } of parts) {
    for (let at = 0; at < tasks.length;) {
      const batch = tasks.slice(at, at + pace.limit);
      at += batch.length;
      yield {
        handle,
        tasks: batch,
        onConflict,
        journal: journal.size > 0 ? batch.flatMap(({ id }) => journal.get(id) ?? []) : [],
        transaction,
      };
    }
  }
}
