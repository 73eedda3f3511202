import type {
  JournalEntry,
  JournalPageRequest,
  PruneJournalOptions,
  StoredJournalFilter,
  StoredJournalPage,
} from '../model/journal.js';
import type { JournalRow, TaskCodec } from '../persistence/codec.interface.js';
import { outdatedEntries, queryJournal } from './journal.query.js';

/** How many entries a store without a journal of its own keeps in memory. */
const LIMIT = 10_000;

/** A journal in memory, the oldest entries dropped when there are too many. */
export class JournalLog {
  /** In the order of writing, as rows: they share nothing with what a caller may change. */
  readonly #rows = new Map<string, JournalRow>();

  /** @param limit How many entries are kept. */
  constructor(readonly limit = LIMIT) {}

  /** Adds entries; one whose id is there already is replaced. */
  append(entries: readonly JournalEntry[], codec: TaskCodec): void {
    this.appendRows(entries.map((entry) => codec.encodeEntry(entry)));
  }

  /** The same for entries that are encoded already, which never throws. */
  appendRows(rows: readonly JournalRow[]): void {
    for (const row of rows) this.#rows.set(row.id, row);
    for (const id of this.#rows.keys()) {
      if (this.#rows.size <= this.limit) break;
      this.#rows.delete(id);
    }
  }

  query(filter: StoredJournalFilter, page: JournalPageRequest, codec: TaskCodec): StoredJournalPage {
    const { rows, next } = queryJournal(this.#rows.values(), filter, page, codec);
    return { entries: rows.map((row) => codec.decodeEntry(row)), next };
  }

  /** What is kept, in the order of writing. */
  rows(): Iterable<JournalRow> {
    return this.#rows.values();
  }

  /** See `Store.pruneJournal`. */
  prune(options: PruneJournalOptions): number {
    const removed = outdatedEntries(this.#rows.values(), options);
    for (const { id } of removed) this.#rows.delete(id);
    return removed.length;
  }
}
