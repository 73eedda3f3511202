import { messageOf } from '../../errors/thrown.js';
import type { EventDispatcher } from '../../events/event.dispatcher.js';
import type { Clock } from '../../model/clock.js';
import type { ExpectPolicy } from '../../model/expect.js';
import type { JournalEntry } from '../../model/journal.js';
import type { Logger } from '../../model/logger.js';
import type { SchedulerInstance } from '../../model/scheduler-instance.js';
import type { TaskRecord } from '../../model/task.js';
import { startTaskPages } from '../../stores/start-task.pages.js';
import { wait } from '../../time/wait.js';
import { isForgettable, unmetOf, watched } from '../plan/expect.plan.js';
import type { WatchEntry } from '../plan/expect.plan.js';
import type { JournalNotes } from '../plan/journal.notes.js';
import type { StoreHandle } from '../tasks/store.handle.js';
import type { StoreRegistry } from '../tasks/store.registry.js';
import { isAlive } from './membership.js';
import { newsOf, tellNews } from './watch.news.js';
import type { Look } from './watch.news.js';
import { changeWatched, MAX_WATCHED, remembersAny } from './watch.record.js';
import type { Watched } from './watch.record.js';

/** How often is looked: where nothing is expected, at most, and at least; in milliseconds. */
const IDLE_MS = 60_000;
const LONGEST_MS = 15_000;
const SHORTEST_MS = 1_000;

/** How many looks there are in the shortest time that is expected. */
const LOOKS = 3;

/** How many tasks one question reads. */
const PAGE = 200;

/** For how many tasks whose last run did not succeed the history is asked in one look. */
const MAX_ASKED = 200;

/** How much later a success has to be to be written down anew: a part of the time that may pass. */
const KEPT_PART = 4;

interface WatchServices {
  readonly identity: string;
  readonly heartbeatMs: number;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly events: EventDispatcher;
  readonly stores: StoreRegistry;
  readonly notes: JournalNotes;
}

/**
 * Watches the tasks of which something is expected (`expect`). Of the live schedulers that share a store one looks, the worker that is there
 * longest, or a client where no worker lives. Whatever keeps a task from running, its record stays as it is, and that is what is
 * looked at.
 *
 * What was told of is remembered in an internal record, which is changed in one step: whoever made the change tells of it, so it is told
 * once, however many look. Who dies in between leaves it untold, and the next one to look tells it.
 */
export class DeadManWatch {
  #cancel: () => void = () => {};
  #isStarted = false;
  /** The shortest time that was expected of a task in a store, in milliseconds. */
  readonly #shortest = new Map<string, number>();
  readonly #failing = new Set<string>();
  readonly #busy = new Set<string>();
  /** The stores in which this scheduler may have written what it has not told. */
  readonly #owing = new Set<string>();

  constructor(private readonly services: WatchServices) {}

  start(): void {
    this.#isStarted = true;
    this.#schedule(SHORTEST_MS);
  }

  stop(): void {
    this.#isStarted = false;
    this.#cancel();
    this.#shortest.clear();
  }

  /** Looks once, at all stores that are not being looked at. Never rejects. */
  async look(): Promise<void> {
    await Promise.all(this.services.stores.all().map((handle) => this.#lookQuietly(handle)));
  }

  async #lookQuietly(handle: StoreHandle): Promise<void> {
    const { logger } = this.services;
    const { alias } = handle;
    if (!handle.opened || this.#busy.has(alias)) return;
    this.#busy.add(alias);
    try {
      await this.#look(handle);
      this.#failing.delete(alias);
    } catch (error) {
      const line = `The tasks of store "${alias}" of which something is expected could not be looked at: ${messageOf(error)}`;
      // What stays so is said once, and what a stop breaks off not at all.
      if (this.#failing.has(alias) || !this.#isStarted) logger.debug(line);
      else logger.warn(line);
      this.#failing.add(alias);
    } finally {
      this.#busy.delete(alias);
    }
  }

  #schedule(ms: number): void {
    this.#cancel();
    // Replicas that started together would otherwise ask together.
    this.#cancel = wait(this.services.clock, ms * (0.5 + Math.random() / 2), () => {
      void this.look();
      // Not after it: a store that hangs keeps no other one from being looked at.
      this.#schedule(this.#pauseMs());
    });
  }

  #pauseMs(): number {
    const shortest = Math.min(IDLE_MS * LOOKS, ...this.#shortest.values()) / LOOKS;
    if (this.#shortest.size === 0) return IDLE_MS;
    return Math.max(SHORTEST_MS, Math.min(LONGEST_MS, shortest));
  }

  async #look(handle: StoreHandle): Promise<void> {
    const { store, alias } = handle;
    const alive = await this.#alive(handle);
    if (!this.#isMine(alive) && !this.#owing.has(alias)) {
      // Who may have to take over looks as often as if there was something.
      this.#shortest.set(alias, LONGEST_MS * LOOKS);
      return;
    }
    const looks = await this.#looks(handle);
    if (looks === null) this.#shortest.delete(alias);
    else this.#shortest.set(alias, looks.shortestMs);
    if (looks === null && !(await remembersAny(store))) return;
    const found = looks?.found ?? new Map<string, Look>();
    const names = new Set(alive.map(({ identity }) => identity));
    // The answer may be lost, and the change made.
    this.#owing.add(alias);
    const after = await changeWatched(store, (before, now) => this.#next(before, found, now, names));
    if (after !== null) await this.#tell(handle, after, found);
    this.#owing.delete(alias);
  }

  async #alive({ store, clock }: StoreHandle): Promise<readonly SchedulerInstance[]> {
    const { identity, heartbeatMs } = this.services;
    const now = clock.now();
    return (await store.schedulers()).filter((one) => one.identity === identity || isAlive(one, now, heartbeatMs));
  }

  #isMine(alive: readonly SchedulerInstance[]): boolean {
    const workers = alive.filter(({ role }) => role === 'worker');
    const candidates = workers.length > 0 ? workers : alive;
    const [eldest] = candidates.toSorted((a, b) => a.startedAt - b.startedAt || (a.identity < b.identity ? -1 : 1));
    return eldest === undefined || eldest.identity === this.services.identity;
  }

  /** Looks at the tasks of which something is expected; null where there is none. */
  async #looks(handle: StoreHandle): Promise<{ found: Map<string, Look>; shortestMs: number } | null> {
    const { store, clock, alias } = handle;
    const found = new Map<string, Look>();
    let shortestMs = Infinity;
    let asked = 0;
    for await (const tasks of startTaskPages(store, 'expected', PAGE)) {
      for (const task of tasks) {
        const { expect } = task.definition.policies;
        if (expect === null) continue;
        if (found.size >= MAX_WATCHED) {
          this.services.logger.warn(`Of the tasks of store "${alias}" only ${MAX_WATCHED} are watched`);
          return { found, shortestMs };
        }
        shortestMs = Math.min(shortestMs, ...timesOf(expect));
        let succeededAt = lastSuccess(task);
        if (
          expect.everyAtLeastMs !== null &&
          succeededAt === null &&
          task.state.lastRun !== null &&
          asked < MAX_ASKED
        ) {
          asked += 1;
          const { runs } = await store.runs({ taskId: task.id, status: 'succeeded' }, { limit: 1 });
          succeededAt = runs[0]?.endedAt ?? null;
        }
        found.set(task.id, {
          task,
          unmet: unmetOf(task, expect, clock.now(), succeededAt),
          keeps: expect.everyAtLeastMs === null ? null : succeededAt,
        });
      }
      if (!handle.opened) break;
      await new Promise(setImmediate);
    }
    return found.size === 0 ? null : { found, shortestMs };
  }

  /** What is to be remembered after a look, and what is to be noted; null where it is the same. */
  #next(before: Watched, found: Map<string, Look>, now: number, alive: ReadonlySet<string>) {
    const { identity: teller, notes } = this.services;
    const journal: JournalEntry[] = [];
    const after: Record<string, WatchEntry> = {};
    let isChanged = false;
    for (const [id, look] of found) {
      const { task, unmet, keeps } = look;
      const known = before[id];
      const expect = task.definition.policies.expect!;
      const ok = keptSuccess(known, keeps, expect);
      // A success that only the record remembers: the history has it no more.
      const seen = keeps === null && known?.ok !== undefined ? unmetOf(task, expect, now, known.ok) : unmet;
      found.set(id, { ...look, unmet: seen });
      let entry = watched(known, seen, { now, teller, keeps: ok });
      if (entry.untold && entry.teller !== teller && !alive.has(entry.teller!)) entry = { ...entry, teller };
      if (entry.untold && entry.untold !== known?.untold) {
        for (const change of entry.untold) {
          const { kind, fields } = newsOf({ ...look, unmet: seen }, change);
          journal.push(notes.entry(kind, now, { taskId: id, details: fields }));
        }
      }
      if (!isForgettable(entry)) after[id] = entry;
      const isOwed = entry.untold !== undefined && entry.teller === teller;
      isChanged ||= isOwed || !isSame(known, after[id]);
    }
    // Those that are gone, or of which nothing is expected any more.
    isChanged ||= Object.keys(before).some((id) => !found.has(id));
    return isChanged ? { after, journal } : null;
  }

  /** Tells what this scheduler is to tell, and writes down that it did. */
  async #tell(handle: StoreHandle, after: Watched, found: ReadonlyMap<string, Look>): Promise<void> {
    const { identity } = this.services;
    const told = Object.entries(after).filter(([, { teller, untold }]) => untold && teller === identity);
    if (told.length === 0) return;
    for (const [id, { untold }] of told) {
      for (const change of untold!) tellNews(this.services, handle.alias, found.get(id)!, change);
    }
    await changeWatched(handle.store, (before) => {
      const next: Record<string, WatchEntry> = { ...before };
      for (const [id] of told) {
        const { teller, untold: _told, ...rest } = next[id] ?? {};
        if (teller !== identity) continue;
        if (isForgettable(rest)) delete next[id];
        else next[id] = rest;
      }
      return { after: next };
    });
  }
}

function timesOf({ startWithinMs, endWithinMs, everyAtLeastMs }: ExpectPolicy): readonly number[] {
  return [startWithinMs, endWithinMs, everyAtLeastMs].filter((ms) => ms !== null);
}

function lastSuccess({ state }: TaskRecord): number | null {
  return state.lastRun?.status === 'succeeded' ? state.lastRun.endedAt : null;
}

/** The success to be remembered: not each of them, or each would be a write. */
function keptSuccess(
  before: WatchEntry | undefined,
  at: number | null,
  { everyAtLeastMs }: ExpectPolicy,
): number | null {
  if (everyAtLeastMs === null) return null;
  const known = before?.ok ?? null;
  if (at === null || known === null) return at ?? known;
  return at - known >= everyAtLeastMs / KEPT_PART ? at : known;
}

/** Whether two entries say the same. They are small. */
function isSame(a: WatchEntry | undefined, b: WatchEntry | undefined): boolean {
  return JSON.stringify(sorted(a)) === JSON.stringify(sorted(b));
}

function sorted(entry: WatchEntry | undefined): unknown {
  return entry && Object.entries(entry).toSorted(([a], [b]) => (a < b ? -1 : 1));
}
