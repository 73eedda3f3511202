import { MAX_TIMER_MS } from '../model/clock.js';
import type { Clock } from '../model/clock.js';

/**
 * Calls `callback` after `ms` milliseconds of the monotonic clock, however long that is: longer waits than a timer can
 * hold are cut into pieces.
 *
 * @returns A function that cancels it.
 */
export function wait(clock: Clock, ms: number, callback: () => void): () => void {
  const end = clock.monotonic() + ms;
  let cancel = () => {};
  const step = () => {
    const left = end - clock.monotonic();
    if (left <= 0) callback();
    else cancel = clock.schedule(step, Math.min(left, MAX_TIMER_MS));
  };
  cancel = clock.schedule(step, Math.min(Math.max(0, ms), MAX_TIMER_MS));
  return () => cancel();
}

/** Resolves after `ms` milliseconds, at most `MAX_TIMER_MS`. */
export function pause(clock: Clock, ms: number): Promise<void> {
  return new Promise((resolve) => clock.schedule(resolve, ms));
}

/** A wait that can be cut short, and remembers when it was cut short before it began. */
export class WakeableWait {
  #woken = false;
  #isEnded = false;
  #wake: (() => void) | null = null;
  #endTurn: (() => void) | null = null;

  constructor(private readonly clock: Clock) {}

  /** Ends the wait that is going on, or the next one at once. */
  wake(): void {
    this.#woken = true;
    this.#wake?.();
  }

  /**
   * Ends the wait that is going on and all that follow, at once: no timer and no turn of the event loop is waited for, which
   * fake timers may hold back.
   */
  end(): void {
    this.#isEnded = true;
    this.wake();
    this.#endTurn?.();
  }

  /**
   * Resolves after `ms` milliseconds (Infinity: never by itself) or when woken. Returns whether it was woken. Unless a timer has
   * ended it, the process still gets to its other work: over a store that answers at once, each pass of a loop is woken by the
   * ends of the one before, and no timer of the application would fire for as long as anything is due.
   */
  async sleep(ms: number): Promise<boolean> {
    if (!this.#woken && ms > 0) {
      await new Promise<void>((resolve) => {
        const cancel = Number.isFinite(ms) ? wait(this.clock, ms, resolve) : () => {};
        this.#wake = () => {
          cancel();
          resolve();
        };
      });
      this.#wake = null;
    }
    if (!this.#isEnded && (this.#woken || ms <= 0)) await this.#turn();
    const woken = this.#woken;
    this.#woken = this.#isEnded;
    return woken;
  }

  /** A turn of the event loop. */
  async #turn(): Promise<void> {
    await new Promise<void>((resolve) => {
      const turn = setImmediate(resolve);
      this.#endTurn = () => {
        clearImmediate(turn);
        resolve();
      };
    });
    this.#endTurn = null;
  }
}
