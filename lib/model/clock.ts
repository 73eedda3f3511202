/**
 * The source of time and timers. Nothing in the library reads the system clock or starts a timer except through this
 * interface (lint checks it), so that a test can set the time and a store can put the database's clock in its place.
 *
 * @publicApi
 */
export interface Clock {
  /**
   * The wall clock, in milliseconds since the Unix epoch. It may step in either direction. A fraction of a millisecond is left
   * out by whoever asks.
   */
  now(): number;
  /** A clock that never steps, in milliseconds from an arbitrary start. Waits and lease ages are measured on it. */
  monotonic(): number;
  /**
   * Calls `callback` once, `delayMs` milliseconds from now on the monotonic clock.
   *
   * @param delayMs At most one hour ({@link MAX_TIMER_MS}); whoever needs longer waits again when it has passed.
   * @returns A function that cancels the call; it does nothing once the call was made.
   */
  schedule(callback: () => void, delayMs: number): () => void;
}

/**
 * The longest single wait, in milliseconds: one hour. Far below the 2^31 - 1 ms above which Node's timers fire at once
 * (nodejs/node#19015), and short enough that a laptop that slept or a clock that was set is noticed.
 */
export const MAX_TIMER_MS = 3_600_000;

/**
 * The clock of the machine.
 */
export class SystemClock implements Clock {
  now(): number {
    return Date.now();
  }

  monotonic(): number {
    return performance.now();
  }

  schedule(callback: () => void, delayMs: number): () => void {
    const timer = setTimeout(callback, Math.min(Math.max(0, delayMs), MAX_TIMER_MS));
    return () => clearTimeout(timer);
  }
}

/**
 * The machine's own clock, for what does not go by the clock of a scheduler or a test: how long a database may take to
 * answer, how its clock moves on between two answers, and how long another process may hold a lock.
 */
export const MACHINE: Clock = new SystemClock();

interface SettableTimer {
  readonly at: number;
  readonly order: number;
  readonly callback: () => void;
}

/**
 * A clock for tests: it stands still until {@link advance} or {@link set} moves it.
 *
 * @publicApi
 */
export class SettableClock implements Clock {
  /** The wall clock minus the monotonic one. */
  #offset: number;
  #monotonic = 0;
  #order = 0;
  readonly #timers = new Set<SettableTimer>();

  /** @param start The wall-clock time to begin with: a `Date` or milliseconds since the epoch. */
  constructor(start: Date | number = 0) {
    this.#offset = Number(start);
  }

  /** Whole milliseconds, as of a real clock: a timer may be due in the middle of one. */
  now(): number {
    return Math.floor(this.#offset + this.#monotonic);
  }

  monotonic(): number {
    return this.#monotonic;
  }

  schedule(callback: () => void, delayMs: number): () => void {
    const timer: SettableTimer = {
      at: this.#monotonic + Math.max(0, delayMs),
      order: this.#order++,
      callback,
    };
    this.#timers.add(timer);
    return () => this.#timers.delete(timer);
  }

  /** How many timers wait to be called. */
  get pendingTimers(): number {
    return this.#timers.size;
  }

  /**
   * Moves both clocks forward and calls, in order of their time, the timers that come due on the way. Promises that a
   * callback starts are not awaited: await the event that the test is about.
   *
   * @param ms How far, in milliseconds; not negative.
   */
  advance(ms: number): void {
    const end = this.#monotonic + ms;
    for (let timer = this.#earliest(end); timer; timer = this.#earliest(end)) {
      this.#timers.delete(timer);
      this.#monotonic = Math.max(timer.at, this.#monotonic);
      timer.callback();
    }
    this.#monotonic = end;
  }

  /**
   * Steps the wall clock alone, as NTP or an operator does: no timer is called and the monotonic clock stays.
   *
   * @param time The new wall-clock time: a `Date` or milliseconds since the epoch.
   */
  set(time: Date | number): void {
    this.#offset = Number(time) - this.#monotonic;
  }

  #earliest(end: number): SettableTimer | undefined {
    let earliest: SettableTimer | undefined;
    for (const timer of this.#timers) {
      if (timer.at > end) continue;
      if (!earliest || timer.at < earliest.at || (timer.at === earliest.at && timer.order < earliest.order)) {
        earliest = timer;
      }
    }
    return earliest;
  }
}
