import type { RunRow } from '../../persistence/codec.interface.js';
import { historyKey } from '../run-history.js';
import type { Line, LineFormat } from './line.files.js';

/** The line of an ended run. */
export function formatRun(run: RunRow): string {
  return `${JSON.stringify(run)}\n`;
}

/** What a line has besides its outcome, in characters at the most. */
const COLUMNS_LENGTH = 100_000;

/** Reads a line; null when it is damaged, or longer than any that was written. */
function parseRunLine(text: string, maxRecordBytes: number): Line<RunRow> | null {
  // A character of an outcome may be escaped by another one.
  if (text.length > 2 * maxRecordBytes + COLUMNS_LENGTH) return null;
  try {
    const line = JSON.parse(text) as Partial<RunRow>;
    return isRun(line) ? { value: line, key: historyKey(line) } : null;
  } catch {
    return null;
  }
}

function isRun(line: Partial<RunRow>): line is RunRow {
  return (
    typeof line.id === 'string' &&
    typeof line.taskId === 'string' &&
    typeof line.handler === 'string' &&
    typeof line.source === 'string' &&
    typeof line.status === 'string' &&
    Number.isFinite(line.scheduledTime) &&
    Number.isInteger(line.attempt) &&
    Number.isInteger(line.token) &&
    Number.isFinite(line.endedAt) &&
    typeof line.dead === 'boolean' &&
    (line.outcome === null || typeof line.outcome === 'string')
  );
}

/** The lines of the history. */
export const RUN_LINES: LineFormat<RunRow> = { what: 'ended runs', format: formatRun, parse: parseRunLine };
