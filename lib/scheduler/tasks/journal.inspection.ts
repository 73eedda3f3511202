import { listOf } from '../../errors/asyncz.error.js';
import { InvalidOptionError } from '../../errors/input.errors.js';
import { JOURNAL_KINDS } from '../../model/journal.js';
import type { JournalEntry, JournalKind, StoredJournalFilter } from '../../model/journal.js';
import { namesOf } from '../../model/names.js';
import { compareText } from '../../stores/task-query.js';
import { toInstant } from '../../time/inputs.js';
import { checkCall, checkCount } from './call.options.js';
import { requestOf } from './control.options.js';
import type { StoreRegistry } from './store.registry.js';
import type { TimeInput } from './task.options.js';

/**
 * Which entries of the journal to list, and which page. All given conditions must hold.
 *
 * @publicApi
 */
export interface JournalQuery {
  /** The alias of a store; all of them when left out. */
  readonly store?: string;
  readonly taskId?: string;
  /** One kind, or several, of which an entry has one. */
  readonly kind?: JournalKind | readonly JournalKind[];
  /** Who asked. */
  readonly actor?: string;
  /** The identity of the scheduler that wrote it. */
  readonly scheduler?: string;
  /** At this time or later. */
  readonly from?: TimeInput;
  /** Before this time. */
  readonly to?: TimeInput;
  /** 1 to 1,000. @default 100 */
  readonly limit?: number;
  /** The `next` of the previous page. */
  readonly cursor?: string;
}

/**
 * An entry of the journal, with its time as a date and the alias of its store.
 *
 * @publicApi
 */
export interface JournalEntryInfo extends Omit<JournalEntry, 'time'> {
  readonly store: string;
  readonly time: Date;
}

/** A page of the journal, the latest first. @publicApi */
export interface JournalPage {
  readonly entries: readonly JournalEntryInfo[];
  /** The cursor of the next page; null on the last. */
  readonly next: string | null;
}

const QUERY_OPTIONS = namesOf<keyof JournalQuery>({
  store: 0,
  taskId: 0,
  kind: 0,
  actor: 0,
  scheduler: 0,
  from: 0,
  to: 0,
  limit: 0,
  cursor: 0,
});

/** An entry as it is given out. @param store The alias of its store. */
export function toEntryInfo(entry: JournalEntry, store: string): JournalEntryInfo {
  return { ...entry, store, time: new Date(entry.time) };
}

/**
 * The kinds that are asked for; undefined for all.
 *
 * @throws InvalidOptionError
 */
export function kindsOf(kind: JournalQuery['kind']): readonly JournalKind[] | undefined {
  if (kind === undefined) return undefined;
  const kinds: readonly JournalKind[] = Array.isArray(kind) ? kind : [kind];
  for (const one of kinds) {
    if (!JOURNAL_KINDS.includes(one)) throw new InvalidOptionError('kind', one, listOf(JOURNAL_KINDS));
  }
  return kinds;
}

/** Lists what is in the journals of the stores. */
export class JournalInspection {
  constructor(private readonly stores: StoreRegistry) {}

  /** @throws UnknownOptionError, InvalidOptionError, UnknownNameError (store) */
  async getJournal(query: JournalQuery = {}): Promise<JournalPage> {
    checkCall('getJournal', query, QUERY_OPTIONS);
    const { store, limit = 100, cursor, from, to, kind, actor: _actor, ...rest } = query;
    const { actor } = requestOf(query);
    checkCount('limit', limit, 1, 1_000);
    const kinds = kindsOf(kind);
    const filter: StoredJournalFilter = {
      ...rest,
      ...(kinds && { kinds }),
      ...(actor !== null && { actor }),
      ...(from !== undefined && { from: toInstant(from, 'from') }),
      ...(to !== undefined && { to: toInstant(to, 'to') }),
    };
    const page = { limit, ...(cursor !== undefined && { cursor }) };
    const pages = await Promise.all(
      this.stores.select(store).map(async ({ alias, activeStore }) => {
        const { entries, next } = await activeStore.journal(filter, page);
        return { entries: entries.map((entry) => toEntryInfo(entry, alias)), next };
      }),
    );
    // Ids have one order in all stores, so the first of all of them are among the first of each.
    const merged = pages.flatMap(({ entries }) => entries).sort((a, b) => compareText(b.id, a.id));
    const entries = merged.slice(0, limit);
    const isMore = merged.length > limit || pages.some(({ next }) => next !== null);
    return { entries, next: isMore ? (entries.at(-1)?.id ?? null) : null };
  }
}
