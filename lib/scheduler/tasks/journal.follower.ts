import { InvalidOptionError } from '../../errors/input.errors.js';
import { messageOf } from '../../errors/thrown.js';
import type { EventDispatcher } from '../../events/event.dispatcher.js';
import type { Clock } from '../../model/clock.js';
import type { JournalEntry, StoredJournalFilter } from '../../model/journal.js';
import type { Logger } from '../../model/logger.js';
import { namesOf } from '../../model/names.js';
import { compareText } from '../../stores/task-query.js';
import { toInstant } from '../../time/inputs.js';
import { WakeableWait } from '../../time/wait.js';
import type { JournalNotes } from '../plan/journal.notes.js';
import { checkCall } from './call.options.js';
import { requestOf } from './control.options.js';
import { kindsOf, toEntryInfo } from './journal.inspection.js';
import type { JournalEntryInfo, JournalQuery } from './journal.inspection.js';
import type { LifePhase } from './life.phase.js';
import type { StoreHandle } from './store.handle.js';
import type { StoreRegistry } from './store.registry.js';
import type { TimeInput } from './task.options.js';

/** How often a store is asked, and how often at the most, in milliseconds. */
const LOOK_MS = 1_000;
const SHORTEST_LOOK_MS = 100;

/** How far back each look goes behind the latest entry: one whose transaction took long is committed behind younger ones. */
const OVERLAP_MS = 10_000;

/** How many entries one look reads in a page, and at the most. */
const PAGE = 1_000;
const MAX_ENTRIES = 10_000;

/**
 * What `events()` follows. All given conditions must hold.
 *
 * @publicApi
 */
export interface ClusterEventsOptions extends Pick<JournalQuery, 'store' | 'taskId' | 'kind' | 'actor' | 'scheduler'> {
  /** What every scheduler of the stores writes into their journals. */
  readonly scope: 'cluster';
  /** Entries from this time on; from now on when left out. */
  readonly since?: TimeInput;
  /** Ends it. */
  readonly signal?: AbortSignal;
}

const OPTIONS = namesOf<keyof ClusterEventsOptions>({
  scope: 0,
  store: 0,
  taskId: 0,
  kind: 0,
  actor: 0,
  scheduler: 0,
  since: 0,
  signal: 0,
});

interface FollowerServices {
  readonly stores: StoreRegistry;
  readonly events: EventDispatcher;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly phase: LifePhase;
  readonly notes: JournalNotes;
}

/** Follows the journals of the stores, whoever writes into them. */
export class JournalFollower {
  constructor(private readonly services: FollowerServices) {}

  /** @throws SchedulerNotRunningError, UnknownOptionError, InvalidOptionError, UnknownNameError (store) */
  follow(options: ClusterEventsOptions): AsyncGenerator<JournalEntryInfo, void, undefined> {
    const { phase, stores } = this.services;
    phase.requireStarted('events');
    checkCall('events', options, OPTIONS);
    if (options.scope !== 'cluster') throw new InvalidOptionError('scope', options.scope, '"cluster"');
    const { scope: _scope, store, kind, actor: _actor, since, signal, ...rest } = options;
    const kinds = kindsOf(kind);
    const { actor } = requestOf(options);
    const filter = { ...rest, ...(kinds && { kinds }), ...(actor !== null && { actor }) };
    const from = since === undefined ? null : toInstant(since, 'since');
    const journals = stores.select(store).map((handle) => new FollowedJournal(handle, filter, from));
    return this.#entries(journals, signal);
  }

  async *#entries(
    journals: readonly FollowedJournal[],
    signal: AbortSignal | undefined,
  ): AsyncGenerator<JournalEntryInfo, void, undefined> {
    const { clock, events, phase } = this.services;
    const pause = new WakeableWait(clock);
    const wake = () => pause.wake();
    const isOver = () => signal?.aborted === true || !phase.isStarted;
    const deaf = journals.map(({ handle }) => handle.store.onWake(wake));
    signal?.addEventListener('abort', wake);
    events.add(wake, 'scheduler.shutdown');
    try {
      while (!isOver()) {
        const lookedAt = clock.monotonic();
        const found = (await Promise.all(journals.map((journal) => this.#look(journal)))).flat();
        for (const entry of found.sort((a, b) => compareText(a.id, b.id))) {
          if (isOver()) return;
          yield entry;
        }
        if (isOver()) return;
        const isWoken = await pause.sleep(LOOK_MS);
        const left = lookedAt + SHORTEST_LOOK_MS - clock.monotonic();
        if (isWoken && left > 0 && !isOver()) await pause.sleep(left);
      }
    } finally {
      for (const end of deaf) end();
      signal?.removeEventListener('abort', wake);
      events.remove(wake);
    }
  }

  /** What is new in a journal. A store that is away has nothing, and is asked again. */
  async #look(journal: FollowedJournal): Promise<readonly JournalEntryInfo[]> {
    const { handle } = journal;
    if (!handle.opened) return [];
    try {
      const { entries, isWhole } = await journal.look();
      if (isWhole) return entries.map((entry) => toEntryInfo(entry, handle.alias));
      const skipped = this.services.notes.entry('journal.dropped', entries[0]!.time, { reason: TOO_MANY });
      return [skipped, ...entries].map((entry) => toEntryInfo(entry, handle.alias));
    } catch (error) {
      this.services.logger.debug(`The journal of ${handle.place} could not be followed: ${messageOf(error)}`);
      return [];
    }
  }
}

const TOO_MANY = `more than ${MAX_ENTRIES} entries since the last look: the earlier ones are left out here`;

/** One journal, and what of it was seen. */
class FollowedJournal {
  /** The latest time that was seen, in milliseconds since the epoch; null before the first look. */
  #latest: number | null;
  /** The times of the entries that were seen and may be read again, by id. */
  readonly #seen = new Map<string, number>();

  constructor(
    readonly handle: StoreHandle,
    private readonly filter: StoredJournalFilter,
    private readonly since: number | null,
  ) {
    this.#latest = since;
  }

  /** The entries that were not seen yet, and whether these are all. */
  async look(): Promise<{ readonly entries: readonly JournalEntry[]; readonly isWhole: boolean }> {
    const isFirst = this.#latest === null;
    this.#latest ??= this.handle.clock.now();
    const from = Math.max(this.since ?? -Infinity, this.#latest - OVERLAP_MS);
    const fresh: JournalEntry[] = [];
    let cursor: string | undefined;
    do {
      const page = { limit: PAGE, ...(cursor !== undefined && { cursor }) };
      const { entries, next } = await this.handle.store.journal({ ...this.filter, from }, page);
      for (const entry of entries) if (!this.#seen.has(entry.id)) fresh.push(entry);
      cursor = next ?? undefined;
    } while (cursor !== undefined && fresh.length < MAX_ENTRIES);
    for (const { id, time } of fresh) {
      this.#seen.set(id, time);
      this.#latest = Math.max(this.#latest, time);
    }
    for (const [id, time] of this.#seen) if (time < this.#latest - OVERLAP_MS) this.#seen.delete(id);
    // What was there before the first look is not what is asked for, unless a time was given.
    return isFirst ? { entries: [], isWhole: true } : { entries: fresh, isWhole: cursor === undefined };
  }
}
