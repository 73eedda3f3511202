import type { JournalEntry } from '../../model/journal.js';
import type { JournalRow, TaskCodec } from '../../persistence/codec.interface.js';
import type { Line, LineFormat } from './line.files.js';

/** What a line has besides its body, in characters at the most. */
const COLUMNS_LENGTH = 10_000;

/** Entries as they are written. */
export function rowsOf(journal: readonly JournalEntry[] = [], codec: TaskCodec): readonly JournalRow[] {
  return journal.map((entry) => codec.encodeEntry(entry));
}

/** The line of an entry of the journal of tasks. */
export function formatEntry(row: JournalRow): string {
  return `${JSON.stringify(row)}\n`;
}

function parseEntryLine(text: string, maxRecordBytes: number): Line<JournalRow> | null {
  // A character of a body may be escaped by another one.
  if (text.length > 2 * maxRecordBytes + COLUMNS_LENGTH) return null;
  try {
    const row = JSON.parse(text) as Partial<JournalRow>;
    return isEntry(row) ? { value: row, key: row.id } : null;
  } catch {
    return null;
  }
}

function isEntry(row: Partial<JournalRow>): row is JournalRow {
  return (
    typeof row.id === 'string' &&
    Number.isFinite(row.time) &&
    typeof row.kind === 'string' &&
    (row.taskId === null || typeof row.taskId === 'string') &&
    typeof row.scheduler === 'string' &&
    (row.actor === null || typeof row.actor === 'string') &&
    typeof row.body === 'string'
  );
}

/** The lines of the journal of tasks. */
export const ENTRY_LINES: LineFormat<JournalRow> = {
  what: 'entries of the journal',
  format: formatEntry,
  parse: parseEntryLine,
};
