import type { StoredRunFilter, RunPageRequest } from '../../../model/query.js';
import { taskIdOfRun, timeOfRun } from '../../../model/run.js';
import { parseRunCursor } from '../../task-query.js';
import type { Dialect } from '../dialects/dialect.js';
import { all, rowCount, sql } from './sql.js';
import type { Rows, Script, Sql } from './sql.js';

/** How far a clock may be set back while a run is under way, in milliseconds. */
const CLOCK_STEP_MS = 86_400_000;

/** The rows of a page, and one more when there is a next one. */
export function* selectRuns(dialect: Dialect, filter: StoredRunFilter, page: RunPageRequest): Script<Rows['records']> {
  const where = conditions(dialect, filter);
  if (page.cursor !== undefined) {
    const { endedAt, id, attempt } = parseRunCursor(page.cursor);
    // The first says nothing new, and is what an index can begin at.
    where.push(
      sql`ended_at <= ${endedAt}`,
      sql`(ended_at < ${endedAt} OR id > ${id} OR (id = ${id} AND attempt < ${attempt}))`,
    );
  }
  const { records } = yield sql`
    SELECT ${dialect.runColumns} FROM ${dialect.runs} WHERE ${all(where)}
    ORDER BY ended_at DESC, id, attempt DESC ${dialect.limit(rowCount(page.limit + 1))}`;
  return records;
}

/** There is no index of the ids of runs: those of the task lead to it, from when it may have ended. */
function isRun(runId: string): Sql[] {
  const where = [sql`id = ${runId}`];
  const task = taskIdOfRun(runId);
  if (task !== null) where.push(sql`task_id = ${task}`);
  const time = timeOfRun(runId);
  if (time !== null) where.push(sql`ended_at >= ${time - CLOCK_STEP_MS}`);
  return where;
}

function conditions(
  dialect: Dialect,
  { taskId, runId, status, source, dead, owner, from, to }: StoredRunFilter,
): Sql[] {
  const where: Sql[] = [];
  if (taskId !== undefined) where.push(sql`task_id = ${taskId}`);
  if (runId !== undefined) where.push(...isRun(runId));
  if (status !== undefined) where.push(sql`status = ${status}`);
  if (source !== undefined) where.push(sql`source = ${source}`);
  if (dead !== undefined) where.push(dialect.isDead(dead));
  if (owner !== undefined) where.push(sql`owner = ${owner}`);
  if (from !== undefined) where.push(sql`ended_at >= ${from}`);
  if (to !== undefined) where.push(sql`ended_at < ${to}`);
  return where;
}
