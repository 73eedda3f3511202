import type { Clock } from '../model/clock.js';
import type { Logger } from '../model/logger.js';
import { isAlive } from './membership.js';
import type { StoreHandle } from './store.handle.js';
import { wait } from './wait.js';

/** How often the history is pruned, in milliseconds. */
const INTERVAL_MS = 300_000;

/** How many runs one statement removes, and how many statements one pruning takes at the most. */
const BATCH = 1_000;
const MAX_BATCHES = 50;

/** How long ended runs are kept. */
export interface Retention {
  /** How many of each task; null for no limit. */
  readonly count: number | null;
  /** For how long, in milliseconds; null for no limit. */
  readonly ageMs: number | null;
}

interface KeeperServices {
  readonly identity: string;
  readonly heartbeatMs: number;
  readonly retention: Retention;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly handles: () => readonly StoreHandle[];
}

/**
 * Removes ended runs that are older or more than the retention says, in small batches, and in the whole cluster by one
 * scheduler at a time: the one that has been there longest.
 */
export class HistoryKeeper {
  #cancel: () => void = () => {};

  constructor(private readonly services: KeeperServices) {}

  start(): void {
    const { count, ageMs } = this.services.retention;
    if (count === null && ageMs === null) return;
    // Replicas that started together would otherwise ask together.
    const delay = INTERVAL_MS * (0.5 + Math.random() / 2);
    this.#cancel = wait(this.services.clock, delay, () => {
      for (const handle of this.services.handles()) {
        this.prune(handle).catch((error: unknown) =>
          this.services.logger.warn(`The history of store "${handle.alias}" could not be pruned: ${String(error)}`),
        );
      }
      this.start();
    });
  }

  stop(): void {
    this.#cancel();
  }

  /** Prunes one store now, if that is this scheduler's part. Returns how many runs were removed. */
  async prune(handle: StoreHandle): Promise<number> {
    if (!handle.opened || !(await this.#isEldest(handle))) return 0;
    const { count, ageMs } = this.services.retention;
    const before = ageMs === null ? null : handle.clock.now() - ageMs;
    let removed = 0;
    for (let batch = 0; batch < MAX_BATCHES && handle.opened; batch += 1) {
      const now = await handle.store.pruneRuns({ before, keep: count, limit: BATCH });
      removed += now;
      if (now < BATCH) break;
    }
    return removed;
  }

  async #isEldest(handle: StoreHandle): Promise<boolean> {
    const { identity, heartbeatMs } = this.services;
    const now = handle.clock.now();
    const alive = (await handle.store.schedulers()).filter(
      (one) => one.role === 'worker' && (one.identity === identity || isAlive(one, now, heartbeatMs)),
    );
    const [eldest] = alive.toSorted((a, b) => a.startedAt - b.startedAt || (a.identity < b.identity ? -1 : 1));
    return eldest?.identity === identity;
  }
}
