import type { EventDispatcher } from '../events/event.dispatcher.js';
import type { Clock } from '../model/clock.js';
import type { Logger } from '../model/logger.js';
import type { SchedulerInstance } from '../model/scheduler-instance.js';
import { isAlive } from './membership.js';
import { reportOrphans } from './orphan.watch.js';
import type { StoreHandle } from './store.handle.js';
import { wait } from './wait.js';

/** How often the house is kept, in milliseconds. */
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

interface HousekeeperServices {
  readonly identity: string;
  readonly heartbeatMs: number;
  readonly retention: Retention;
  readonly orphanAfterMs: number;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly events: EventDispatcher;
  readonly handles: () => readonly StoreHandle[];
}

/**
 * What has to be done now and then for a store, and in the whole cluster by one scheduler at a time, the one that has
 * been there longest: ended runs beyond the retention are removed in small batches, and tasks whose handler nobody has
 * are reported.
 */
export class Housekeeper {
  #cancel: () => void = () => {};

  constructor(private readonly services: HousekeeperServices) {}

  start(): void {
    const { clock, orphanAfterMs } = this.services;
    // Replicas that started together would otherwise ask together.
    const delay = Math.min(INTERVAL_MS, orphanAfterMs) * (0.5 + Math.random() / 2);
    this.#cancel = wait(clock, delay, () => {
      for (const handle of this.services.handles()) {
        this.keep(handle).catch((error: unknown) =>
          this.services.logger.warn(`The house of store "${handle.alias}" could not be kept: ${String(error)}`),
        );
      }
      this.start();
    });
  }

  stop(): void {
    this.#cancel();
  }

  /** Does what is to be done for one store now, if that is this scheduler's part. */
  async keep(handle: StoreHandle): Promise<void> {
    if (!handle.opened) return;
    const { identity, orphanAfterMs, events, logger } = this.services;
    const alive = await this.#workers(handle);
    const [eldest] = alive.toSorted((a, b) => a.startedAt - b.startedAt || (a.identity < b.identity ? -1 : 1));
    if (eldest?.identity !== identity) return;
    await reportOrphans(handle, alive, orphanAfterMs, events, logger);
    await this.#prune(handle);
  }

  async #prune(handle: StoreHandle): Promise<void> {
    const { count, ageMs } = this.services.retention;
    if (count === null && ageMs === null) return;
    const before = ageMs === null ? null : handle.clock.now() - ageMs;
    for (let batch = 0; batch < MAX_BATCHES && handle.opened; batch += 1) {
      if ((await handle.store.pruneRuns({ before, keep: count, limit: BATCH })) < BATCH) break;
    }
  }

  async #workers(handle: StoreHandle): Promise<readonly SchedulerInstance[]> {
    const { identity, heartbeatMs } = this.services;
    const now = handle.clock.now();
    return (await handle.store.schedulers()).filter(
      (one) => one.role === 'worker' && (one.identity === identity || isAlive(one, now, heartbeatMs)),
    );
  }
}
