import type {
  JournalEntry,
  JournalPageRequest,
  PruneJournalOptions,
  StoredJournalFilter,
  StoredJournalPage,
} from '../../model/journal.js';
import type { JournalRow, TaskRow } from '../../persistence/codec.interface.js';
import { ofAdded } from '../journaled.js';
import type { Dialect } from './dialects/dialect.js';
import type { OpenDatabase } from './open.database.js';
import { encodeEntries, insertEntries, pruneEntries, saveEntries, selectEntries } from './sql/journal.sql.js';
import type { Script } from './sql/sql.js';

/** Adds tasks with the entries of those that were added. Returns the ids that were there already. */
export function* insertWith(
  dialect: Dialect,
  rows: readonly TaskRow[],
  journal: readonly JournalRow[],
): Script<readonly string[]> {
  const conflicts = yield* dialect.insertTasks(rows);
  const taken = new Set(conflicts);
  const added = ofAdded(
    journal,
    rows.filter(({ id }) => !taken.has(id)),
  );
  if (added.length > 0) yield* insertEntries(dialect, added);
  return conflicts;
}

/** The same in a transaction of its own. */
export function insertJournaled(
  { session, dialect, codec }: OpenDatabase,
  rows: readonly TaskRow[],
  journal: readonly JournalEntry[],
): Promise<readonly string[]> {
  const entries = encodeEntries(codec, journal);
  return session.transaction(() => insertWith(dialect, rows, entries), 'long');
}

/** Removes something, in one transaction with the entries that say so, which are written if there was anything to remove. */
export function removeJournaled(
  { session, dialect, codec }: OpenDatabase,
  remove: () => Script<number>,
  journal: readonly JournalEntry[],
  isNotedAlways = false,
): Promise<number> {
  const entries = encodeEntries(codec, journal);
  return session.transaction(function* () {
    const removed = yield* remove();
    if (removed > 0 || isNotedAlways) yield* insertEntries(dialect, entries);
    return removed;
  }, 'long');
}

/** See `Store.appendJournal`. */
export async function appendEntries(
  { session, dialect, codec }: OpenDatabase,
  journal: readonly JournalEntry[],
): Promise<void> {
  if (journal.length === 0) return;
  const entries = encodeEntries(codec, journal);
  await session.transaction(() => saveEntries(dialect, entries));
}

/** See `Store.journal`. */
export async function pageOfJournal(
  { session, dialect, codec }: OpenDatabase,
  filter: StoredJournalFilter,
  page: JournalPageRequest,
): Promise<StoredJournalPage> {
  const rows = await session.read(() => selectEntries(dialect, codec, filter, page));
  const entries = rows.slice(0, page.limit).map((row) => codec.decodeEntry(row));
  return { entries, next: rows.length > page.limit ? (entries.at(-1)?.id ?? null) : null };
}

/** See `Store.pruneJournal`. */
export function pruneJournal({ session, dialect }: OpenDatabase, options: PruneJournalOptions): Promise<number> {
  return session.transaction(() => pruneEntries(dialect, options), 'long');
}
