import type { StoredRunFilter, StoredRunPage, RunPageRequest } from '../../model/query.js';
import type { RunRow, TaskCodec } from '../../persistence/codec.interface.js';
import { historyKey, outdatedRuns } from '../run-history.js';
import type { PruneOptions } from '../store.interface.js';
import { matchesRun, queryRuns } from '../task-query.js';
import type { RunFacts } from '../task-query.js';
import type { LineFiles, Segment } from './line.files.js';

/** When the runs in a file ended, and what the file is when this is true. */
interface Span {
  readonly signature: string;
  readonly oldest: number;
  readonly newest: number;
}

type Retention = Omit<PruneOptions, 'limit'>;

/** A run that is no longer kept, and the files that it is in. */
export interface Outdated {
  readonly key: string;
  readonly files: readonly string[];
}

/** How many runs to remove one look finds at the most. */
const LOOKED_FOR = 20_000;

/** How many files are looked through first: some thirty thousand runs. */
const FIRST_FILES = 8;

/** Finds, replaces and removes ended runs in the files of the history. */
export class RunArchive {
  readonly #spans = new Map<string, Span>();
  /** What the last look has found and nobody has been given yet. */
  #found: { readonly retention: Retention; readonly runs: Outdated[] } | null = null;

  constructor(private readonly files: LineFiles<RunRow>) {}

  /** The latest ended runs that match; reads no file that cannot hold one of them. */
  async query(filter: StoredRunFilter, page: RunPageRequest, codec: TaskCodec): Promise<StoredRunPage> {
    const oneMore = { ...page, limit: page.limit + 1 };
    let found: readonly RunRow[] = queryRuns<RunRow>([], filter, oneMore).runs;
    await this.#walk(
      await this.files.list(),
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

  /** Puts ended runs in the place of those that are there, with the lock. Returns those that are not. */
  async replace(runs: readonly RunRow[]): Promise<readonly RunRow[]> {
    return this.#look(runs, (file, left) => this.files.rewrite(file, ({ key, value }) => left.get(key) ?? value));
  }

  /** Keeps those ended runs that are not there, with the lock. */
  async restore(runs: readonly RunRow[]): Promise<void> {
    const missing = await this.#look(runs, async (file) => {
      const segment = await this.files.read(file);
      return new Set(segment?.lines.map(({ key }) => key));
    });
    await this.files.append(missing);
  }

  /** Looks for runs in the files that may have them. @param visit Returns the keys of those that are settled with a file. */
  async #look(
    runs: readonly RunRow[],
    visit: (file: string, left: ReadonlyMap<string, RunRow>) => Promise<ReadonlySet<string>>,
  ): Promise<readonly RunRow[]> {
    const left = new Map(runs.map((run) => [historyKey(run), run]));
    for (const file of await this.files.list()) {
      if (left.size === 0) break;
      const span = this.#spans.get(file);
      const mayHold =
        !span || [...left.values()].some(({ endedAt }) => endedAt >= span.oldest && endedAt <= span.newest);
      if (!mayHold && (await this.files.signature(file)) === span.signature) continue;
      for (const key of await visit(file, left)) left.delete(key);
    }
    return [...left.values()];
  }

  /** Removes runs, with the lock; rewrites only the files that they are in. Returns how many there were. */
  async remove(runs: readonly Outdated[]): Promise<number> {
    const keysOf = new Map<string, Set<string>>();
    for (const { key, files } of runs) {
      for (const file of files) keysOf.set(file, (keysOf.get(file) ?? new Set()).add(key));
    }
    const removed = new Set<string>();
    for (const [file, keys] of keysOf) {
      const gone = await this.files.rewrite(file, ({ key, value }) => (keys.has(key) ? null : value));
      for (const key of gone) removed.add(key);
    }
    return removed.size;
  }

  /**
   * The runs that are not to be kept, the oldest first, and no more than `limit`. To find them takes a look at every run, so
   * more are looked for than are given, and kept for the next call: what is outdated once stays so.
   */
  async outdated({ limit, ...retention }: PruneOptions): Promise<readonly Outdated[]> {
    if (!this.#found || this.#found.runs.length < limit || !isAsStrict(retention, this.#found.retention)) {
      const runs = await this.#lookForOutdated(retention, limit);
      this.#found = { retention, runs: runs.slice(0, Math.max(limit, LOOKED_FOR)) };
    }
    return this.#found.runs.splice(0, limit);
  }

  async #lookForOutdated(retention: Retention, limit: number): Promise<Outdated[]> {
    const all = await this.files.list();
    if (retention.keep === null) {
      // They are in the order of time, so if many are too old, the first files have enough of them.
      const oldest = await this.#outdatedIn(all.slice(-FIRST_FILES), retention);
      if (oldest.length >= limit) return oldest;
    }
    return this.#outdatedIn(all, retention);
  }

  async #outdatedIn(files: readonly string[], retention: Retention): Promise<Outdated[]> {
    const { before, keep, failedBefore } = retention;
    const latest = keep === null ? Math.max(before ?? -Infinity, failedBefore ?? -Infinity) : Infinity;
    const facts: RunFacts[] = [];
    const located = await this.#walk(
      files,
      ({ oldest }) => oldest < latest,
      (run, more) => {
        // By age alone the others say nothing.
        if (keep !== null || run.endedAt < latest) more.push(run);
      },
      (more) => facts.push(...more.map(({ outcome: _outcome, ...run }) => run as RunRow)),
    );
    return outdatedRuns(facts, retention).map((run) => {
      const key = historyKey(run);
      return { key, files: located.filesOf(key) };
    });
  }

  /**
   * Goes through files, the newest first, and in each from its end, so that of several lines about the same run the
   * last one is seen and the others are not. Returns which files each run that was found is in.
   */
  async #walk(
    files: readonly string[],
    isWanted: (span: Span) => boolean,
    visit: (run: RunRow, more: RunRow[]) => void,
    endOfFile: (more: RunRow[]) => void,
  ): Promise<RunLocations> {
    const located = new RunLocations();
    for (const file of files) {
      const span = this.#spans.get(file);
      if (span && !isWanted(span) && (await this.files.signature(file)) === span.signature) continue;
      const segment = await this.files.read(file);
      if (!segment) continue;
      this.#spans.set(file, spanOf(segment));
      const more: RunRow[] = [];
      for (const { key, value } of [...segment.lines].reverse()) {
        if (located.add(key, file)) visit(value, more);
      }
      endOfFile(more);
    }
    return located;
  }
}

/** The files that each run is in. Nearly always it is one. */
class RunLocations {
  readonly #newest = new Map<string, string>();
  readonly #others = new Map<string, string[]>();

  /** Returns whether it is the first one. */
  add(key: string, file: string): boolean {
    const newest = this.#newest.get(key);
    if (newest === undefined) {
      this.#newest.set(key, file);
      return true;
    }
    if (file !== newest) this.#others.set(key, [...(this.#others.get(key) ?? []), file]);
    return false;
  }

  filesOf(key: string): readonly string[] {
    return [this.#newest.get(key)!, ...(this.#others.get(key) ?? [])];
  }
}

/** Whether all that is outdated by one retention is outdated by another one, which is newer or the same. */
function isAsStrict(now: Retention, then: Retention): boolean {
  const isNotEarlier = (a: number | null, b: number | null) => a === b || (a !== null && b !== null && a >= b);
  return (
    now.keep === then.keep && isNotEarlier(now.before, then.before) && isNotEarlier(now.failedBefore, then.failedBefore)
  );
}

function spanOf({ signature, lines }: Segment<RunRow>): Span {
  let oldest = Infinity;
  let newest = -Infinity;
  for (const { value } of lines) {
    oldest = Math.min(oldest, value.endedAt);
    newest = Math.max(newest, value.endedAt);
  }
  return { signature, oldest, newest };
}
