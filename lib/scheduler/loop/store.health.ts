import { backoffMs } from '../../model/backoff.js';
import type { RunServices } from './run.services.js';

/** How long the loop waits after a failure of the store. */
const BACKOFF = { firstMs: 100, longestMs: 10_000 };

/** How the loop of a store is doing. */
export interface StoreHealth {
  readonly store: string;
  /** `ok`, or `failing` while the store cannot be reached or refuses. */
  readonly state: 'ok' | 'failing';
  readonly failuresInARow: number;
  readonly lastError: string | null;
  /** When the store last answered a pass of the loop, in milliseconds since the epoch by this process's clock. */
  readonly lastPassAt: number | null;
  readonly running: number;
}

/** Counts the failures of a store, and reports the first of a series and its end. */
export class HealthMonitor {
  #failures = 0;
  #lastError: string | null = null;
  #lastPassAt: number | null = null;

  constructor(private readonly services: Pick<RunServices, 'alias' | 'events' | 'logger' | 'clock'>) {}

  /** The store failed. Returns how long to wait before the next try, in milliseconds. */
  failed(error: unknown): number {
    const { alias: store, events, logger } = this.services;
    this.#failures += 1;
    this.#lastError = error instanceof Error ? error.message : String(error);
    if (this.#failures === 1) {
      logger.error(`The store "${store}" failed; it is tried again`, error);
      events.emit('store.failed', { store, error });
    }
    return backoffMs(BACKOFF, this.#failures);
  }

  /** The store did what it was asked. */
  worked(): void {
    if (this.#failures === 0) return;
    const { alias: store, events, logger } = this.services;
    logger.info(`The store "${store}" works again after ${this.#failures} failures`);
    events.emit('store.recovered', { store, failures: this.#failures });
    this.#failures = 0;
    this.#lastError = null;
  }

  /** The store answered a pass of the loop. */
  passed(): void {
    this.#lastPassAt = this.services.clock.now();
  }

  /** @param running How many runs are under way. */
  health(running: number): StoreHealth {
    return {
      store: this.services.alias,
      state: this.#failures === 0 ? 'ok' : 'failing',
      failuresInARow: this.#failures,
      lastError: this.#lastError,
      lastPassAt: this.#lastPassAt,
      running,
    };
  }
}
