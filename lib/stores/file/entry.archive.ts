import type {
  JournalPageRequest,
  PruneJournalOptions,
  StoredJournalFilter,
  StoredJournalPage,
} from '../../model/journal.js';
import type { JournalRow, TaskCodec } from '../../persistence/codec.interface.js';
import { outdatedEntries, queryJournal } from '../journal.query.js';
import type { LineFiles, Segment } from './line.files.js';

/** What is in a file, and what the file is when this is true. */
interface Span {
  readonly signature: string;
  readonly first: string;
  readonly last: string;
  readonly oldest: number;
  readonly newest: number;
  readonly count: number;
}

/**
 * The journal of tasks: who did what to them, and why. An entry is a line of the group of its change, so both count or neither
 * does; when a new journal of changes is begun, the entries of the old one go into files of their own.
 */
export class EntryArchive {
  /** Those that are in no file but the journal of changes. */
  readonly #unfiled = new Map<string, JournalRow>();
  readonly #spans = new Map<string, Span>();

  constructor(private readonly files: LineFiles<JournalRow>) {}

  /** They are in the journal of changes. */
  add(rows: readonly JournalRow[]): void {
    for (const row of rows) this.#unfiled.set(row.id, row);
  }

  /** Those that are in no file but the journal of changes. */
  unfiled(): Iterable<JournalRow> {
    return this.#unfiled.values();
  }

  /** Whether there are any. */
  get hasUnfiled(): boolean {
    return this.#unfiled.size > 0;
  }

  /** The journal of changes does not have them any more. */
  forgetUnfiled(): void {
    this.#unfiled.clear();
  }

  /** Puts those into files that are in none, with the lock; resolves when the disk has them. */
  async file(): Promise<void> {
    if (!this.hasUnfiled) return;
    await this.files.append([...this.#unfiled.values()]);
    await this.files.flush();
  }

  /** See `Store.journal`. Reads no file that cannot have one of them. */
  async query(filter: StoredJournalFilter, page: JournalPageRequest, codec: TaskCodec): Promise<StoredJournalPage> {
    const oneMore = { ...page, limit: page.limit + 1 };
    // Before the files are looked at: what is filed meanwhile is seen twice, and not missed.
    const unfiled = [...this.#unfiled.values()];
    const seen = new Set(unfiled.map(({ id }) => id));
    let { rows: found } = queryJournal(unfiled, filter, oneMore, codec);
    for (const file of await this.files.list()) {
      const span = this.#spans.get(file);
      const last = found[page.limit];
      const isLater = page.cursor !== undefined && span !== undefined && span.first >= page.cursor;
      const isOutside = span && (span.newest < (filter.from ?? -Infinity) || span.oldest >= (filter.to ?? Infinity));
      const isEarlier = last !== undefined && span !== undefined && span.last < last.id;
      if (span && (isLater || isOutside || isEarlier) && (await this.files.signature(file)) === span.signature)
        continue;
      const segment = await this.#read(file);
      const more = segment ? newestLines(segment, seen) : [];
      if (more.length > 0) found = queryJournal([...found, ...more], filter, oneMore, codec).rows;
    }
    const { rows, next } = queryJournal(found, filter, page, codec);
    return { entries: rows.map((row) => codec.decodeEntry(row)), next };
  }

  /** Whether a pruning may have something to do: without reading files that were read before and have not changed. */
  async mayHaveOutdated({ before, keep }: PruneJournalOptions): Promise<boolean> {
    let count = this.#unfiled.size;
    let oldest = Infinity;
    for (const { time } of this.#unfiled.values()) oldest = Math.min(oldest, time);
    for (const file of await this.files.list()) {
      let span = this.#spans.get(file);
      if (!span || (await this.files.signature(file)) !== span.signature) {
        await this.#read(file);
        span = this.#spans.get(file);
      }
      count += span?.count ?? 0;
      oldest = Math.min(oldest, span?.oldest ?? Infinity);
    }
    return (keep !== null && count > keep) || (before !== null && oldest < before);
  }

  /** See `Store.pruneJournal`. With the lock, and nothing unfiled. */
  async prune(options: PruneJournalOptions): Promise<number> {
    const filesOf = new Map<string, string[]>();
    const facts: Pick<JournalRow, 'id' | 'time'>[] = [];
    for (const file of await this.files.list()) {
      for (const { key, value } of (await this.#read(file))?.lines ?? []) {
        const files = filesOf.get(key);
        if (files) files.push(file);
        else {
          filesOf.set(key, [file]);
          facts.push({ id: key, time: value.time });
        }
      }
    }
    const outdated = new Set(outdatedEntries(facts, options).map(({ id }) => id));
    const files = new Set([...outdated].flatMap((id) => filesOf.get(id)!));
    for (const file of files) await this.files.rewrite(file, ({ key, value }) => (outdated.has(key) ? null : value));
    return outdated.size;
  }

  async #read(file: string): Promise<Segment<JournalRow> | null> {
    const segment = await this.files.read(file);
    if (segment) this.#spans.set(file, spanOf(segment));
    else this.#spans.delete(file);
    return segment;
  }
}

/** From the end, so that of several lines about the same entry the last one is seen and the others are not. */
function newestLines({ lines }: Segment<JournalRow>, seen: Set<string>): JournalRow[] {
  const rows: JournalRow[] = [];
  for (const { key, value } of lines.toReversed()) {
    if (seen.has(key)) continue;
    seen.add(key);
    rows.push(value);
  }
  return rows;
}

function spanOf({ signature, lines }: Segment<JournalRow>): Span {
  let [first, last, oldest, newest] = ['~', '', Infinity, -Infinity];
  for (const { key, value } of lines) {
    if (key < first) first = key;
    if (key > last) last = key;
    oldest = Math.min(oldest, value.time);
    newest = Math.max(newest, value.time);
  }
  return { signature, first, last, oldest, newest, count: lines.length };
}
