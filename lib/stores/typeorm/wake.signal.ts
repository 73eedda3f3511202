import type { QueryRunner } from 'typeorm';
import { backoffMs } from '../../model/backoff.js';
import type { Clock } from '../../model/clock.js';
import type { Logger } from '../../model/logger.js';
import { WakeListeners } from '../wake-listeners.js';

const LOOK = { firstMs: 2, longestMs: 250 };

/** Who wants to know that something is due. */
export class WakeSignal {
  readonly #listeners = new WakeListeners();
  readonly #watching = new Set<() => void>();

  /** @returns A function that ends it. */
  add(listener: () => void): () => void {
    return this.#listeners.add(listener);
  }

  fire(logger: Logger): void {
    this.#listeners.call(logger);
  }

  /**
   * Fires when a transaction of the caller has ended: what was added in it is due only then. TypeORM tells nobody but the
   * subscribers of the application's data source, so this looks; the pauses grow with the transaction's age.
   *
   * @param tellOthers Called then, too.
   */
  fireAfter(runner: QueryRunner, clock: Clock, logger: Logger, tellOthers: () => void): void {
    const look = (attempt: number) => {
      const cancel = clock.schedule(
        () => {
          this.#watching.delete(cancel);
          if (runner.isTransactionActive && !runner.isReleased) look(attempt + 1);
          else {
            this.fire(logger);
            tellOthers();
          }
        },
        backoffMs(LOOK, attempt),
      );
      this.#watching.add(cancel);
    };
    look(1);
  }

  /** Stops looking. */
  stop(): void {
    for (const cancel of this.#watching) cancel();
    this.#watching.clear();
  }
}
