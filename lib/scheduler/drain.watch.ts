import type { Clock } from '../model/clock.js';
import type { DrainRequest } from '../model/scheduler-instance.js';
import { readDrain, removeDrain } from './drain.record.js';
import type { StoreHandle } from './store.handle.js';
import { wait } from './wait.js';

/** How often wake-ups cause a look at the most, in milliseconds: they can come in thousands. */
const LOOK_MS = 1_000;

/** With every so-many-th heartbeat there is a look, for the wake-up that did not come. */
const HEARTBEATS = 4;

/** Finds out whether somebody asks this scheduler to claim nothing more. */
export class DrainWatch {
  /** By store: a scheduler of several stores may be asked in any of them. */
  readonly #asked = new Map<string, DrainRequest>();
  readonly #lookedAt = new Map<string, number>();
  readonly #stops = new Map<string, () => void>();
  #beats = 0;

  /** @param changed Called when the answer is another than before. */
  constructor(
    private readonly identity: string,
    private readonly clock: Clock,
    private readonly changed: () => void,
  ) {}

  /** Who asks; null when nobody does. */
  get request(): DrainRequest | null {
    for (const request of this.#asked.values()) return request;
    return null;
  }

  /** Forgets what an earlier scheduler of this identity was asked, and listens from now on. */
  async open(handle: StoreHandle): Promise<void> {
    await removeDrain(handle.store, this.identity);
    const stopWakeUps = handle.store.onWake(() => this.#lookSoon(handle));
    this.#stops.set(handle.alias, stopWakeUps);
  }

  /** Stops listening; what was asked for is done with. */
  async close(handle: StoreHandle): Promise<void> {
    this.#stops.get(handle.alias)?.();
    this.#stops.delete(handle.alias);
    if (this.#asked.delete(handle.alias)) await removeDrain(handle.store, this.identity);
  }

  /** Is told of each heartbeat in a store. */
  async beat(handle: StoreHandle): Promise<void> {
    this.#beats += 1;
    if (this.#beats % HEARTBEATS === 0) await this.look(handle);
  }

  #lookSoon(handle: StoreHandle): void {
    const now = this.clock.monotonic();
    const last = this.#lookedAt.get(handle.alias) ?? -Infinity;
    if (last > now) return;
    const at = Math.max(now, last + LOOK_MS);
    // In the future while a look is on its way, so that further wake-ups are part of it.
    this.#lookedAt.set(handle.alias, at + 1);
    wait(this.clock, at - now, () => {
      this.#lookedAt.set(handle.alias, this.clock.monotonic());
      // A store that is away is reported by its loop; the next heartbeat looks again.
      this.look(handle).catch(() => {});
    });
  }

  async look(handle: StoreHandle): Promise<void> {
    if (!this.#stops.has(handle.alias)) return;
    const request = await readDrain(handle.store, this.identity);
    const was = this.request;
    if (request) this.#asked.set(handle.alias, request);
    else this.#asked.delete(handle.alias);
    if ((was === null) !== (this.request === null)) this.changed();
  }
}
