import type { Logger } from '../model/logger.js';

/** Who listens to the wake-ups of a store: see `Store.onWake`. */
export class WakeListeners {
  readonly #listeners = new Set<() => void>();

  get size(): number {
    return this.#listeners.size;
  }

  /** @returns A function that ends it, and may be called more than once. */
  add(listener: () => void): () => void {
    // A new function, so that the same listener given twice is two.
    const own = () => listener();
    this.#listeners.add(own);
    return () => void this.#listeners.delete(own);
  }

  /** Calls them all. One that throws does not keep the others from being called; what it throws is logged. */
  call(logger: Pick<Logger, 'error'>): void {
    for (const listener of this.#listeners) {
      try {
        listener();
      } catch (error) {
        logger.error('A listener of wake-ups failed', error);
      }
    }
  }

  clear(): void {
    this.#listeners.clear();
  }
}
