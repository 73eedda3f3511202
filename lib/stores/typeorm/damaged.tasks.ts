import type { Clock } from '../../model/clock.js';

/** How many ids are remembered. */
const MAX_IDS = 10_000;

/** After how long a damaged record is looked at again, in milliseconds: somebody may have repaired it. */
const LOOK_AGAIN_MS = 60_000;

/**
 * The ids of records that looked readable and were not. They are left out of what is due, so that they are not read over
 * and over again in front of the others.
 */
export class DamagedTasks {
  readonly #until = new Map<string, number>();

  constructor(readonly clock: Clock) {}

  add(id: string): void {
    this.#until.delete(id);
    this.#until.set(id, this.clock.monotonic() + LOOK_AGAIN_MS);
    if (this.#until.size > MAX_IDS) this.#until.delete(this.#until.keys().next().value!);
  }

  /** It is readable, or gone. */
  forget(id: string): void {
    this.#until.delete(id);
  }

  clear(): void {
    this.#until.clear();
  }

  ids(): string[] {
    const now = this.clock.monotonic();
    // In the order of adding, so the first that is not over is followed by none that is.
    for (const [id, until] of this.#until) {
      if (until > now) break;
      this.#until.delete(id);
    }
    return [...this.#until.keys()];
  }
}
