import type { RunFilter, RunPage, RunPageRequest } from '../../model/query.js';
import type { RunRecord } from '../../model/run.js';
import { formatRunCursor, matchesRun, parseRunCursor, queryRuns, runKey } from '../task-query.js';
import type { RunKey } from '../task-query.js';
import { quoted } from './redis.place.js';
import { attemptText, inverseTimeText } from './redis.records.js';
import type { RedisRecordsCodec } from './redis.records-codec.js';
import type { RedisScripts } from './redis.scripts.js';

/** How many ended runs one script reads or removes at the most. */
const BATCH = 500;

/** The history of ended runs: an index by end, one by task and end, and the attempts of each run. */
export class RedisRunHistory {
  constructor(
    private readonly scripts: RedisScripts,
    private readonly records: RedisRecordsCodec,
  ) {}

  /**
   * Task, run and time are found by an index; the other conditions are looked for along it.
   *
   * @throws InvalidOptionError For a cursor that is not from an earlier page.
   */
  async query(filter: RunFilter, { limit, cursor }: RunPageRequest): Promise<RunPage> {
    const after = cursor === undefined ? null : parseRunCursor(cursor);
    const matches = (run: RunRecord) => matchesRun(run, filter);
    if (filter.runId !== undefined) {
      const runs = this.records.decodeRuns(await this.scripts.runAttempts(filter.runId), matches);
      return queryRuns(runs, filter, { limit, ...(cursor !== undefined && { cursor }) });
    }
    const task = filter.taskId === undefined ? '' : quoted(filter.taskId);
    const max = upperBound(task, filter.from);
    let min = lowerBound(task, filter.to, after);
    const runs: RunRecord[] = [];
    const indexed = filter.status === undefined && filter.source === undefined && filter.owner === undefined;
    for (;;) {
      const count = Math.min(BATCH, indexed ? limit + 1 - runs.length : BATCH);
      const page = await this.scripts.runPage(task, min, max, count);
      runs.push(...this.records.decodeRuns(page.runs, matches).slice(0, limit + 1 - runs.length));
      if (page.found < count || runs.length > limit) break;
      min = `(${page.last}`;
    }
    const shown = runs.slice(0, limit);
    const last = shown.at(-1);
    return { runs: shown, next: runs.length > limit && last ? formatRunCursor(runKey(last)) : null };
  }

  /** See `Store.saveRuns`. */
  async save(runs: readonly RunRecord[]): Promise<void> {
    const entries = runs.map((run) => ({ what: 'runs' as const, id: '', runs: this.records.runs([run]) }));
    const { outcomes } = await this.scripts.write(entries);
    for (const outcome of outcomes) if (outcome instanceof Error) throw outcome;
  }

  /** See `Store.pruneRuns`. Redis is free for others between the steps. */
  async prune({ before, keep, limit }: { before: number | null; keep: number | null; limit: number }): Promise<number> {
    let removed = 0;
    const step = async (by: 'ended' | 'count', bound: string | number) => {
      let count = BATCH;
      while (count > 0 && removed < limit) {
        count = await this.scripts.prune(by, bound, Math.min(BATCH, limit - removed));
        removed += count;
      }
    };
    if (before !== null) await step('ended', `[${inverseTimeText(Math.ceil(before) - 1)}`);
    if (keep !== null) await step('count', keep);
    return removed;
  }
}

/** Behind everything that ended at `from`, as ZRANGEBYLEX takes it: the latest end has the smallest member. */
function upperBound(task: string, from: number | undefined): string {
  if (from !== undefined) return `(${task}${inverseTimeText(Math.ceil(from) - 1)}`;
  return task === '' ? '+' : `(${task}2`;
}

/** Before everything that ended before `to`, and behind the run that the last page ended with. */
function lowerBound(task: string, to: number | undefined, after: RunKey | null): string {
  if (after !== null && (to === undefined || after.endedAt < to)) {
    // A slash comes behind the attempt, and a zero behind the slash: so this is behind all tokens of that attempt.
    const attempt = attemptText(after.attempt, 0).slice(0, -2);
    return `(${task}${inverseTimeText(after.endedAt)}${after.id}\n${attempt}0`;
  }
  if (to !== undefined) return `[${task}${inverseTimeText(Math.ceil(to) - 1)}`;
  return task === '' ? '-' : `[${task}`;
}
