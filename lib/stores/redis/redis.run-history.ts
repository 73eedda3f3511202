import type { StoredRunFilter, StoredRunPage, RunPageRequest } from '../../model/query.js';
import type { RunRecord } from '../../model/run.js';
import type { PruneOptions } from '../store.interface.js';
import { formatRunCursor, matchesRun, parseRunCursor, queryRuns, runKey } from '../task-query.js';
import type { RunFacts, RunKey } from '../task-query.js';
import { attemptText, FAILED, inverseTimeText, kindOf, OTHERS } from './redis.records.js';
import type { RedisRecordsCodec } from './redis.records-codec.js';
import type { RedisScripts } from './redis.scripts.js';

/** How many ended runs one script reads or removes at the most. */
const BATCH = 500;

/** The history of ended runs: an index by end, one by task and end, both in two kinds, and the attempts of each run. */
export class RedisRunHistory {
  constructor(
    private readonly scripts: RedisScripts,
    private readonly records: RedisRecordsCodec,
  ) {}

  /**
   * Task, run and time are found by an index, and so are the runs that failed or were lost, which dead ones are among; the
   * other conditions are looked for along it.
   *
   * @throws InvalidOptionError For a cursor that is not from an earlier page.
   */
  async query(filter: StoredRunFilter, { limit, cursor }: RunPageRequest): Promise<StoredRunPage> {
    const after = cursor === undefined ? null : parseRunCursor(cursor);
    const matches = (run: RunFacts) => matchesRun(run, filter);
    if (filter.runId !== undefined) {
      const runs = this.records.decodeRuns(await this.scripts.runAttempts(filter.runId), matches);
      return queryRuns(runs, filter, { limit, ...(cursor !== undefined && { cursor }) });
    }
    const task = filter.taskId === undefined ? '' : `=${filter.taskId}`;
    const { status, dead, source, owner } = filter;
    const kinds = status !== undefined ? kindOf(status) : dead === true ? FAILED : FAILED + OTHERS;
    const max = upperBound(filter.from);
    let min = lowerBound(filter.to, after);
    const runs: RunRecord[] = [];
    const indexed = [status, dead, source, owner].every((condition) => condition === undefined);
    for (;;) {
      const count = Math.min(BATCH, indexed ? limit + 1 - runs.length : BATCH);
      const page = await this.scripts.runPage(task, kinds, min, max, count);
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
    const entries = runs.map((run) => ({ what: 'runs' as const, id: '' as const, runs: this.records.runs([run]) }));
    const { outcomes } = await this.scripts.write(entries);
    for (const outcome of outcomes) if (outcome instanceof Error) throw outcome;
  }

  /** See `Store.pruneRuns`. Redis is free for others between the steps. */
  async prune({ before, keep, failedBefore, limit }: PruneOptions): Promise<number> {
    let removed = 0;
    const step = async (...what: Parameters<RedisScripts['prune']>[1]) => {
      let count = BATCH;
      while (count > 0 && removed < limit) {
        count = await this.scripts.prune(Math.min(BATCH, limit - removed), what);
        removed += count;
      }
    };
    const bound = (time: number | null) => (time === null ? '' : lowerBound(time, null));
    const failed = bound(failedBefore ?? before);
    if (failed !== '') await step('ended', failed, bound(before));
    if (keep === 0) await step('ended', failedBefore === null ? '[' : '', '[');
    else if (keep !== null) await step('count', failedBefore === null ? 'all' : 'others', keep);
    return removed;
  }
}

/** Behind everything that ended at `from`, as ZRANGEBYLEX takes it: the latest end has the smallest text. */
function upperBound(from: number | undefined): string {
  return from === undefined ? '(2' : `(${inverseTimeText(Math.ceil(from) - 1)}`;
}

/** Before everything that ended before `to`, and behind the run that the last page ended with. */
function lowerBound(to: number | undefined, after: RunKey | null): string {
  if (after !== null && (to === undefined || after.endedAt < to)) {
    // A slash comes behind the attempt, and a zero behind the slash: so this is behind all tokens of that attempt.
    const attempt = attemptText(after.attempt, 0).slice(0, -2);
    return `(${inverseTimeText(after.endedAt)}${after.id}\n${attempt}0`;
  }
  return to === undefined ? '[' : `[${inverseTimeText(Math.ceil(to) - 1)}`;
}
