import type { StoredRunFilter, StoredRunPage, RunPageRequest } from '../model/query.js';
import type { RunRecord } from '../model/run.js';
import type { RunRow, TaskCodec } from '../persistence/codec.interface.js';
import type { PruneOptions } from './store.interface.js';
import { compareRuns, queryRuns } from './task-query.js';
import type { RunFacts } from './task-query.js';

/** How many ended runs a store without a history of its own keeps in memory. */
const LIMIT = 10_000;

/** Ended runs in memory, the oldest dropped when there are too many. */
export class RunHistory {
  /**
   * In the order of writing, as rows: they share nothing with what a caller may change. The first attempt of a run is kept by its
   * id, which is there already; the others by their {@link historyKey}, which has to be made.
   */
  readonly #runs = new Map<string, RunRow>();
  /** Whether there were first attempts of one run under different tokens: only the first one of them is kept by its id. */
  #hasTwice = false;

  /** @param limit How many runs are kept. */
  constructor(readonly limit = LIMIT) {}

  /** Adds runs; one that is there already is replaced. */
  save(runs: readonly RunRecord[], codec: TaskCodec): void {
    for (const run of runs) {
      const key = this.#keyOf(run);
      this.#runs.delete(key);
      this.#runs.set(key, codec.encodeRun(run));
    }
    for (const key of this.#runs.keys()) {
      if (this.#runs.size <= this.limit) break;
      this.#runs.delete(key);
    }
  }

  query(filter: StoredRunFilter, page: RunPageRequest, codec: TaskCodec): StoredRunPage {
    const { runs, next } = queryRuns(this.#runs.values(), filter, page);
    return { runs: runs.map((row) => codec.decodeRun(row)), next };
  }

  /** See `Store.pruneRuns`. */
  prune({ limit, ...retention }: PruneOptions): number {
    const removed = new Set(outdatedRuns(this.#runs.values(), retention).slice(0, limit));
    for (const [key, run] of this.#runs) if (removed.has(run)) this.#runs.delete(key);
    return removed.size;
  }

  /** The key of an attempt, whether it is here or not. */
  #keyOf(run: Pick<RunRecord, 'id' | 'attempt' | 'token'>): string {
    if (run.attempt !== 1) return historyKey(run);
    const first = this.#runs.get(run.id);
    if (first?.token === run.token || (!first && !this.#hasTwice)) return run.id;
    const key = historyKey(run);
    this.#hasTwice = true;
    // The one that was kept by the id may be gone since.
    return first || this.#runs.has(key) ? key : run.id;
  }
}

/** The ended runs that are not to be kept; the oldest first, so that a pruning that is cut short leaves the newer ones. */
export function outdatedRuns<T extends RunFacts>(
  runs: Iterable<T>,
  { before, keep, failedBefore }: Omit<PruneOptions, 'limit'>,
): T[] {
  const newerOf = new Map<string, number>();
  const outdated: T[] = [];
  for (const run of [...runs].sort(compareRuns)) {
    if (failedBefore !== null && (run.status === 'failed' || run.status === 'lost')) {
      if (run.endedAt < failedBefore) outdated.push(run);
      continue;
    }
    const newer = newerOf.get(run.taskId) ?? 0;
    newerOf.set(run.taskId, newer + 1);
    if ((before !== null && run.endedAt < before) || (keep !== null && newer >= keep)) outdated.push(run);
  }
  return outdated.reverse();
}

/** What names an attempt for good: a task may be removed and added again, but its tokens only grow. */
export function historyKey({ id, attempt, token }: Pick<RunRecord, 'id' | 'attempt' | 'token'>): string {
  return `${id}/${attempt}/${token}`;
}
