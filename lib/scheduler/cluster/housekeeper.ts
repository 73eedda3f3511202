import { messageOf } from '../../errors/thrown.js';
import type { EventDispatcher } from '../../events/event.dispatcher.js';
import type { Clock } from '../../model/clock.js';
import type { Logger } from '../../model/logger.js';
import type { JournalNotes } from '../plan/journal.notes.js';
import { noteDead } from './dead.schedulers.js';
import { removeDrain } from './drain.record.js';
import { isAlive } from './membership.js';
import { reportOrphans } from './orphan.report.js';
import { RecordAudit } from './record.audit.js';
import { removeThrottled } from './throttle.sweep.js';
import type { StoreHandle } from '../tasks/store.handle.js';
import type { StoreRegistry } from '../tasks/store.registry.js';
import { wait } from '../../time/wait.js';

/** How often a store is cleaned up, in milliseconds. */
const INTERVAL_MS = 300_000;

/**
 * If runs are kept for a short time only, they are pruned twice in that time: with one pruning in five minutes the history
 * would be many times as long as was asked for. They are not pruned more often than this, in milliseconds.
 */
const SHORTEST_PRUNING_MS = 10_000;
const PRUNINGS_IN_AGE = 2;

/** How many runs one statement removes, and how many statements one pruning takes at the most. */
const BATCH = 1_000;
const MAX_BATCHES = 50;

/** How soon a store is cleaned up again when a pruning left runs that are to go, in milliseconds. */
const UNFINISHED_MS = 10_000;

/** How long a scheduler that died stays in the list of schedulers, in milliseconds: a week. */
const REMEMBER_DEAD_MS = 604_800_000;

/** How long ended runs are kept. */
export interface Retention {
  /** How many of each task; null for no limit. */
  readonly count: number | null;
  /** For how long, in milliseconds; null for no limit. */
  readonly ageMs: number | null;
  /** For how long those that failed or were lost, in milliseconds; null to treat them like the others. */
  readonly failuresMs: number | null;
  /** How many entries of the journal of a store, and for how long, in milliseconds; null for no limit. */
  readonly journal: { readonly count: number | null; readonly ageMs: number | null };
}

interface HousekeeperServices {
  readonly identity: string;
  readonly heartbeatMs: number;
  readonly retention: Retention;
  readonly orphanAfterMs: number;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly events: EventDispatcher;
  readonly stores: StoreRegistry;
  readonly notes: JournalNotes;
}

/**
 * Cleans up the stores: removes ended runs and entries of the journal beyond the retention in small batches, reports tasks whose handler nobody has and
 * records that cannot be read, removes tasks whose key is not throttled any more, and forgets schedulers that died long ago. In
 * the whole cluster one scheduler does it at a time, the one that has been there longest.
 */
export class Housekeeper {
  #cancel: () => void = () => {};
  readonly #intervalMs: number;
  readonly #pruningMs: number;
  #started = false;
  readonly #audit = new RecordAudit();
  /** The stores that could not be cleaned up the last time. */
  readonly #failing = new Set<string>();
  /** From when on more than pruning is due, on the monotonic clock. */
  #wholeAt = -Infinity;

  constructor(private readonly services: HousekeeperServices) {
    this.#intervalMs = Math.min(INTERVAL_MS, services.orphanAfterMs);
    this.#pruningMs = pruningMsOf(services.retention);
  }

  start(): void {
    this.#started = true;
    this.#schedule(Math.min(this.#intervalMs, this.#pruningMs));
  }

  stop(): void {
    this.#started = false;
    this.#cancel();
  }

  #schedule(longestMs: number): void {
    this.#cancel();
    // Replicas that started together would otherwise ask together.
    const { clock, stores } = this.services;
    this.#cancel = wait(clock, longestMs * (0.5 + Math.random() / 2), () => {
      this.start();
      const isWhole = clock.monotonic() >= this.#wholeAt;
      // The same half as above is the soonest that it comes again.
      if (isWhole) this.#wholeAt = clock.monotonic() + this.#intervalMs / 2;
      for (const handle of stores.all()) void this.#cleanUpQuietly(handle, isWhole);
    });
  }

  async #cleanUpQuietly(handle: StoreHandle, isWhole: boolean): Promise<void> {
    try {
      const isDone = await this.#cleanUp(handle, isWhole);
      this.#failing.delete(handle.alias);
      // A busy cluster ends more runs than one pruning removes.
      if (!isDone && this.#started) this.#schedule(UNFINISHED_MS);
    } catch (error) {
      const line = `The store "${handle.alias}" could not be cleaned up: ${messageOf(error)}`;
      // What stays so is said once.
      if (this.#failing.has(handle.alias)) this.services.logger.debug(line);
      else this.services.logger.warn(line);
      this.#failing.add(handle.alias);
    }
  }

  /**
   * Cleans up one store if that is this scheduler's part: the whole of it, or the pruning alone. Returns false when there
   * were more runs to remove than one pruning may.
   */
  async #cleanUp(handle: StoreHandle, isWhole: boolean): Promise<boolean> {
    if (!handle.opened) return true;
    if (isWhole) await handle.loop?.cleanUp();
    const { identity, heartbeatMs } = this.services;
    const now = handle.clock.now();
    const all = await handle.store.schedulers();
    const alive = all.filter(
      (one) => one.role === 'worker' && (one.identity === identity || isAlive(one, now, heartbeatMs)),
    );
    const [eldest] = alive.toSorted((a, b) => a.startedAt - b.startedAt || (a.identity < b.identity ? -1 : 1));
    if (eldest?.identity !== identity) return true;
    if (isWhole) {
      const { orphanAfterMs, events, logger } = this.services;
      const forgotten = all.filter(({ heartbeatAt }) => now - heartbeatAt > REMEMBER_DEAD_MS);
      for (const one of forgotten) {
        await removeDrain(handle.store, one.identity);
        await handle.store.retire(one.identity);
      }
      await noteDead(handle, all, this.services);
      await reportOrphans(handle, alive, orphanAfterMs, events, logger);
      await this.#audit.look(handle);
      await removeThrottled(handle, events);
    }
    return (await this.#prune(handle)) && (!isWhole || (await this.#pruneJournal(handle)));
  }

  async #pruneJournal(handle: StoreHandle): Promise<boolean> {
    const { count: keep, ageMs } = this.services.retention.journal;
    if (keep === null && ageMs === null) return true;
    const outdated = { before: ageMs === null ? null : handle.clock.now() - ageMs, keep };
    for (let batch = 0; batch < MAX_BATCHES && handle.opened; batch += 1) {
      if ((await handle.store.pruneJournal({ ...outdated, limit: BATCH })) < BATCH) return true;
    }
    return false;
  }

  async #prune(handle: StoreHandle): Promise<boolean> {
    const { count: keep, ageMs, failuresMs } = this.services.retention;
    if (keep === null && ageMs === null && failuresMs === null) return true;
    const ago = (ms: number | null) => (ms === null ? null : handle.clock.now() - ms);
    const outdated = { before: ago(ageMs), keep, failedBefore: ago(failuresMs) };
    for (let batch = 0; batch < MAX_BATCHES && handle.opened; batch += 1) {
      if ((await handle.store.pruneRuns({ ...outdated, limit: BATCH })) < BATCH) return true;
    }
    return false;
  }
}

function pruningMsOf({ ageMs, failuresMs }: Retention): number {
  const ages = [ageMs, failuresMs].filter((age) => age !== null);
  return Math.max(SHORTEST_PRUNING_MS, Math.min(...ages) / PRUNINGS_IN_AGE);
}
