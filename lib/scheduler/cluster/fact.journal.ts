import { messageOf } from '../../errors/thrown.js';
import type { EventDispatcher } from '../../events/event.dispatcher.js';
import type { SchedulerEvent } from '../../events/event.map.js';
import type { Clock } from '../../model/clock.js';
import type { JournalEntry } from '../../model/journal.js';
import type { Logger } from '../../model/logger.js';
import type { Deadline } from '../../time/deadline.js';
import { wait } from '../../time/wait.js';
import type { JournalNotes } from '../plan/journal.notes.js';
import type { StoreHandle } from '../tasks/store.handle.js';
import type { StoreRegistry } from '../tasks/store.registry.js';
import { FACT_EVENTS, factOf } from './facts.js';
import type { Fact } from './facts.js';

/** How long facts are gathered before they are written, in milliseconds; and how soon it is tried again if that fails. */
const GATHER_MS = 1_000;
const RETRY_MS = 10_000;

/** How long a stop waits for the last of them, in milliseconds. */
const LAST_WRITE_MS = 1_000;

/** For how long further facts of a kind about a task are counted, and not told one by one, in milliseconds. */
const WINDOW_MS = 60_000;

/** How many tasks and kinds are counted at a time, and how many entries wait for a store. What is more is dropped. */
const MAX_WINDOWS = 2_000;
const MAX_WAITING = 1_000;

interface FactServices {
  readonly identity: string;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly events: EventDispatcher;
  readonly stores: StoreRegistry;
  readonly notes: JournalNotes;
}

/** What happened again since the entry about it was made. */
interface Window {
  readonly fact: Fact;
  count: number;
  /** On the monotonic clock. */
  readonly until: number;
}

/**
 * Writes into the journals what happened and nobody did: lost and missed runs, faults, failures of stores, schedulers that come and
 * go. It is gathered and written right afterwards, many at a time, and never in the way of what it is about: a flood becomes one
 * entry a task and kind in a minute with a count, what a store does not take waits for it within bounds, and what is dropped is counted
 * and said by an entry of its own.
 */
export class FactJournal {
  readonly #waiting = new Map<string, JournalEntry[]>();
  readonly #windows = new Map<string, Window>();
  /** How many facts were dropped, by store. */
  readonly #dropped = new Map<string, number>();
  #cancel: () => void = () => {};
  /** When it is written next, on the monotonic clock. */
  #dueAt = Infinity;
  #writing: Promise<void> | null = null;
  #isOn = false;

  constructor(private readonly services: FactServices) {}

  start(): void {
    this.#isOn = true;
    this.services.events.add(this.#listener, FACT_EVENTS);
  }

  /** Writes what there is, and ends: by the deadline, and within a second, whatever hangs. */
  async stop(end: Deadline): Promise<void> {
    if (!this.#isOn) return;
    for (const { alias } of this.services.stores.all()) {
      this.add({ kind: 'scheduler.stopped', store: alias, taskId: null });
    }
    this.#closeWindows(Infinity);
    this.#end();
    await end.holds(
      (this.#writing ?? Promise.resolve()).then(() => this.#write()),
      LAST_WRITE_MS,
    );
    this.abandon();
  }

  /** Ends at once: what was not written is not kept. */
  abandon(): void {
    this.#end();
    this.#waiting.clear();
    this.#windows.clear();
    this.#dropped.clear();
  }

  /** Nothing waits for what is written. */
  add(fact: Fact): void {
    const key = `${fact.store}\n${fact.kind}\n${fact.taskId}`;
    const open = this.#windows.get(key);
    if (open) open.count += 1;
    else if (this.#windows.size >= MAX_WINDOWS) this.#drop(fact.store, 1);
    else {
      this.#windows.set(key, { fact, count: 0, until: this.services.clock.monotonic() + WINDOW_MS });
      this.#keep(fact.store, [this.#entryOf(fact)]);
    }
    this.#schedule(GATHER_MS);
  }

  readonly #listener = (event: SchedulerEvent): void => {
    for (const fact of factOf(event)) {
      if (fact.store !== null) this.add(fact as Fact);
      else for (const { alias } of this.services.stores.all()) this.add({ ...fact, store: alias });
    }
  };

  #entryOf({ kind, store, taskId, reason = null, details }: Fact, count = 1): JournalEntry {
    const time = this.#handleOf(store)?.clock.now() ?? this.services.clock.now();
    const counted = count > 1 ? { ...details, count } : details;
    return this.services.notes.entry(kind, time, { taskId, reason, details: counted });
  }

  #handleOf(alias: string): StoreHandle | undefined {
    return this.services.stores.all().find((handle) => handle.alias === alias);
  }

  #keep(store: string, entries: readonly JournalEntry[]): void {
    const waiting = [...(this.#waiting.get(store) ?? []), ...entries];
    // The oldest go: what is going on now says more.
    const surplus = Math.max(0, waiting.length - MAX_WAITING);
    this.#drop(store, surplus);
    this.#waiting.set(store, waiting.slice(surplus));
  }

  #drop(store: string, count: number): void {
    if (count > 0) this.#dropped.set(store, (this.#dropped.get(store) ?? 0) + count);
  }

  /** Tells what was counted in the windows that are over. */
  #closeWindows(now: number): void {
    for (const [key, { fact, count, until }] of this.#windows) {
      if (until > now) continue;
      this.#windows.delete(key);
      if (count > 0) this.#keep(fact.store, [this.#entryOf(fact, count)]);
    }
  }

  /** Has it be written in `ms` milliseconds, unless that is to be sooner anyway. */
  #schedule(ms: number): void {
    const { clock } = this.services;
    const dueAt = clock.monotonic() + ms;
    if (!this.#isOn || this.#writing || dueAt >= this.#dueAt) return;
    this.#cancel();
    this.#dueAt = dueAt;
    this.#cancel = wait(clock, ms, () => {
      this.#dueAt = Infinity;
      this.#closeWindows(clock.monotonic());
      this.#writing = this.#write().finally(() => {
        this.#writing = null;
        this.#goOn();
      });
    });
  }

  /** What is left is written when its time has come. */
  #goOn(): void {
    if ([...this.#waiting.values()].some(({ length }) => length > 0)) this.#schedule(RETRY_MS);
    const [first] = this.#windows.values();
    if (first) this.#schedule(Math.max(GATHER_MS, first.until - this.services.clock.monotonic()));
  }

  #end(): void {
    this.#isOn = false;
    this.services.events.remove(this.#listener);
    this.#cancel();
    this.#dueAt = Infinity;
  }

  /** Never rejects: what a store does not take waits. */
  async #write(): Promise<void> {
    await Promise.all([...this.#waiting.keys()].map((alias) => this.#writeInto(alias)));
  }

  async #writeInto(alias: string): Promise<void> {
    const handle = this.#handleOf(alias);
    if (!handle) {
      this.#waiting.delete(alias);
      this.#dropped.delete(alias);
      return;
    }
    const entries = this.#waiting.get(alias) ?? [];
    if (!handle.opened || entries.length === 0) return;
    const dropped = this.#dropped.get(alias) ?? 0;
    const all = dropped === 0 ? entries : [...entries, this.#entryOf(droppedFact(alias, dropped))];
    this.#waiting.delete(alias);
    this.#dropped.delete(alias);
    try {
      await handle.store.appendJournal(all);
    } catch (error) {
      this.services.logger.debug(`${all.length} entries of the journal of ${handle.place} wait: ${messageOf(error)}`);
      const since = this.#waiting.get(alias) ?? [];
      this.#waiting.delete(alias);
      this.#drop(alias, dropped);
      this.#keep(alias, [...entries, ...since]);
    }
  }
}

function droppedFact(store: string, dropped: number): Fact {
  return { kind: 'journal.dropped', store, taskId: null, details: { dropped } };
}
