import type { DataSource, QueryRunner } from 'typeorm';
import type { Clock } from '../../../model/clock.js';
import { connectionOf, onConnection } from '../typeorm-compat.js';

/**
 * Which connections of a pool may be dead: when one does not answer, the network may have lost all that were made before, and a
 * pool hands them out one after another.
 */
export class PooledConnections {
  /** When each was made or has answered last, on the monotonic clock. */
  readonly #aliveAt = new WeakMap<object, number>();
  #suspectedAt = -Infinity;
  readonly #listeners = new Set<() => void>();
  /** Listens to the pool no more: a data source of the application outlives the store. */
  readonly close: () => void;

  constructor(
    dataSource: DataSource,
    private readonly clock: Pick<Clock, 'monotonic'>,
  ) {
    this.close = onConnection(dataSource, (connection) => this.#aliveAt.set(connection, clock.monotonic()));
  }

  /** Calls `listener` when one of them has not answered. */
  onSuspicion(listener: () => void): void {
    this.#listeners.add(listener);
  }

  /** One of them has not answered. */
  suspect(): void {
    this.#suspectedAt = this.clock.monotonic();
    for (const listener of this.#listeners) listener();
  }

  /** Whether the connection of a runner was made before one did not answer, and has not answered since. */
  isSuspect(runner: QueryRunner): boolean {
    const connection = connectionOf(runner);
    return connection !== null && (this.#aliveAt.get(connection) ?? -Infinity) < this.#suspectedAt;
  }

  hasAnswered(runner: QueryRunner): void {
    const connection = connectionOf(runner);
    if (connection !== null) this.#aliveAt.set(connection, this.clock.monotonic());
  }
}
