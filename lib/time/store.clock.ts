import type { Clock } from '../model/clock.js';

/**
 * A store's clock as this process sees it between two answers of the store: what the store last said, moved on by the
 * monotonic clock. A wrong or stepped clock of this machine does not touch it.
 */
export class StoreClock {
  #storeNow: number;
  #at: number;

  constructor(private readonly clock: Clock) {
    this.#storeNow = clock.now();
    this.#at = clock.monotonic();
  }

  /** Takes over what the store said just now, in milliseconds since the epoch; a fraction of one is no damage. */
  sync(storeNow: number): void {
    this.#storeNow = storeNow;
    this.#at = this.clock.monotonic();
  }

  /** When the store was last heard, on the monotonic clock. */
  get syncedAt(): number {
    return this.#at;
  }

  now(): number {
    return Math.round(this.#storeNow + this.clock.monotonic() - this.#at);
  }
}
