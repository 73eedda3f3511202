import type { RunFilter, RunPage, RunPageRequest } from '../../model/query.js';
import type { RunRow, TaskCodec } from '../../persistence/codec.interface.js';
import { historyKey, outdatedRuns } from '../run-history.js';
import type { PruneOptions } from '../store.interface.js';
import { matchesRun, queryRuns } from '../task-query.js';
import type { RunFacts } from '../task-query.js';
import type { RunFiles, Segment } from './run.files.js';

/** When the runs in a file ended, and what the file is when this is true. */
interface Span {
  readonly signature: string;
  readonly oldest: number;
  readonly newest: number;
}

/** Finds, replaces and removes ended runs in the files of the history. */
export class RunArchive {
  readonly #spans = new Map<string, Span>();

  constructor(private readonly files: RunFiles) {}

  /** The latest ended runs that match; reads no file that cannot hold one of them. */
  async query(filter: RunFilter, page: RunPageRequest, codec: TaskCodec): Promise<RunPage> {
    const oneMore = { ...page, limit: page.limit + 1 };
    let found: readonly RunRow[] = queryRuns<RunRow>([], filter, oneMore).runs;
    await this.#walk(
      ({ newest, oldest }) => {
        const last = found[page.limit];
        const isFull = last !== undefined && newest < last.endedAt;
        return !isFull && newest >= (filter.from ?? -Infinity) && oldest < (filter.to ?? Infinity);
      },
      (run, more) => {
        if (matchesRun(run, filter)) more.push(run);
      },
      (more) => {
        if (more.length > 0) found = queryRuns([...found, ...more], filter, oneMore).runs;
      },
    );
    const { runs, next } = queryRuns(found, filter, page);
    return { runs: runs.map((row) => codec.decodeRun(row)), next };
  }

  /** Keeps ended runs, with the lock: in the place of those that are there, or at the end. */
  async save(runs: readonly RunRow[]): Promise<void> {
    const left = new Map(runs.map((run) => [historyKey(run), run]));
    for (const file of await this.files.list()) {
      if (left.size === 0) return;
      const span = this.#spans.get(file);
      const mayHold =
        !span || [...left.values()].some(({ endedAt }) => endedAt >= span.oldest && endedAt <= span.newest);
      if (!mayHold && (await this.files.signature(file)) === span.signature) continue;
      for (const key of await this.files.rewrite(file, ({ key, run }) => left.get(key) ?? run)) left.delete(key);
    }
    await this.files.append([...left.values()]);
  }

  /** Removes runs by their keys, with the lock. Returns how many there were. */
  async remove(keys: ReadonlySet<string>): Promise<number> {
    const removed = new Set<string>();
    for (const file of await this.files.list()) {
      const gone = await this.files.rewrite(file, ({ key, run }) => (keys.has(key) ? null : run));
      for (const key of gone) removed.add(key);
    }
    return removed.size;
  }

  /** The keys of those that are not to be kept, the oldest first. */
  async outdated(options: Omit<PruneOptions, 'limit'>): Promise<string[]> {
    const { before, keep, failedBefore } = options;
    const latest = keep === null ? Math.max(before ?? -Infinity, failedBefore ?? -Infinity) : Infinity;
    const facts: RunFacts[] = [];
    await this.#walk(
      ({ oldest }) => oldest < latest,
      ({ outcome: _outcome, ...run }, more) => more.push(run as RunRow),
      (more) => facts.push(...more),
    );
    return outdatedRuns(facts, options).map(historyKey);
  }

  /**
   * Goes through the files, the newest first, and in each from its end, so that of several lines about the same run the
   * last one is seen and the others are not.
   */
  async #walk(
    isWanted: (span: Span) => boolean,
    visit: (run: RunRow, more: RunRow[]) => void,
    endOfFile: (more: RunRow[]) => void,
  ): Promise<void> {
    const seen = new Set<string>();
    for (const file of await this.files.list()) {
      const span = this.#spans.get(file);
      if (span && !isWanted(span) && (await this.files.signature(file)) === span.signature) continue;
      const segment = await this.files.read(file);
      if (!segment) continue;
      this.#spans.set(file, spanOf(segment));
      const more: RunRow[] = [];
      for (const { key, run } of [...segment.lines].reverse()) {
        if (seen.has(key)) continue;
        seen.add(key);
        if (run) visit(run, more);
      }
      endOfFile(more);
    }
  }
}

function spanOf({ signature, lines }: Segment): Span {
  let oldest = Infinity;
  let newest = -Infinity;
  for (const { run } of lines) {
    if (!run) continue;
    oldest = Math.min(oldest, run.endedAt);
    newest = Math.max(newest, run.endedAt);
  }
  return { signature, oldest, newest };
}
