import { InvalidOptionError } from '../errors/input.errors.js';
import type { JournalEntry, JournalPageRequest, PruneJournalOptions, StoredJournalFilter } from '../model/journal.js';
import type { JournalRow, TaskCodec } from '../persistence/codec.interface.js';
import { compareText } from './task-query.js';

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/**
 * Checks a cursor of the journal, which is the id of the last entry of a page.
 *
 * @throws InvalidOptionError When it is none.
 */
export function parseJournalCursor(cursor: string): string {
  if (UUID.test(cursor)) return cursor;
  throw new InvalidOptionError('cursor', cursor, 'the "next" of an earlier page');
}

/** Whether a row meets every condition of a filter. @param labels What the actor that is asked for may stand as. */
function matches(row: JournalRow, filter: StoredJournalFilter, labels: readonly string[] | null): boolean {
  return (
    (filter.taskId === undefined || row.taskId === filter.taskId) &&
    (filter.kinds === undefined || filter.kinds.includes(row.kind)) &&
    (labels === null || (row.actor !== null && labels.includes(row.actor))) &&
    (filter.scheduler === undefined || row.scheduler === filter.scheduler) &&
    (filter.from === undefined || row.time >= filter.from) &&
    (filter.to === undefined || row.time < filter.to)
  );
}

/** Filters and pages the journal in memory, the latest first. */
export function queryJournal<Row extends JournalRow>(
  rows: Iterable<Row>,
  filter: StoredJournalFilter,
  { limit, cursor }: JournalPageRequest,
  codec: Pick<TaskCodec, 'actorLabels'>,
): { readonly rows: readonly Row[]; readonly next: string | null } {
  const after = cursor === undefined ? null : parseJournalCursor(cursor);
  const labels = filter.actor === undefined ? null : codec.actorLabels(filter.actor);
  const found: Row[] = [];
  for (const row of rows) if (matches(row, filter, labels) && (after === null || row.id < after)) found.push(row);
  found.sort((a, b) => compareText(b.id, a.id));
  const page = found.slice(0, limit);
  return { rows: page, next: found.length > limit ? (page.at(-1)?.id ?? null) : null };
}

/** The entries that are not to be kept; the oldest first. */
export function outdatedEntries<Row extends Pick<JournalEntry, 'id' | 'time'>>(
  rows: Iterable<Row>,
  { before, keep, limit }: PruneJournalOptions,
): Row[] {
  const sorted = [...rows].sort((a, b) => compareText(a.id, b.id));
  const surplus = keep === null ? 0 : sorted.length - keep;
  return sorted.filter(({ time }, at) => at < surplus || (before !== null && time < before)).slice(0, limit);
}
