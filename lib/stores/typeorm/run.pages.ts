import type { StoredRunFilter, StoredRunPage, RunPageRequest } from '../../model/query.js';
import type { RunRecord } from '../../model/run.js';
import { historyKey } from '../run-history.js';
import { formatRunCursor, runKey } from '../task-query.js';
import type { OpenDatabase } from './open.database.js';
import { keepRuns } from './transact/changes.js';
import { runRow } from './sql/columns.js';
import { selectRuns } from './sql/run.query.js';

/** Filters and pages in the database: see `Store.runs`. */
export async function pageOfRuns(
  { dialect, session, codec }: OpenDatabase,
  filter: StoredRunFilter,
  page: RunPageRequest,
): Promise<StoredRunPage> {
  const records = await session.read(() => selectRuns(dialect, filter, page));
  const runs = records.slice(0, page.limit).map((record) => codec.decodeRun(runRow(record)));
  const last = runs.at(-1);
  return { runs, next: records.length > page.limit && last ? formatRunCursor(runKey(last)) : null };
}

/** Keeps ended runs: see `Store.saveRuns`. */
export async function saveRuns({ dialect, session, codec }: OpenDatabase, runs: readonly RunRecord[]): Promise<void> {
  // One statement cannot write a row twice: the last of the same key counts.
  const rows = [...new Map(runs.map((run) => [historyKey(run), codec.encodeRun(run)])).values()];
  if (rows.length === 0) return;
  await session.transaction(() => keepRuns(dialect, rows));
}
