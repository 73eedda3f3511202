import type { Clock } from '../model/clock.js';
import { wait } from './wait.js';

/** Does something at once, but not again before some time has passed: what is asked for meanwhile is done once, then. */
export class Throttle {
  #doneAt = -Infinity;
  #cancel: (() => void) | null = null;

  /** @param intervalMs The time in between, in milliseconds. */
  constructor(
    private readonly clock: Clock,
    private readonly intervalMs: number,
    private readonly work: () => void,
  ) {}

  ask(): void {
    if (this.#cancel) return;
    const left = this.#doneAt + this.intervalMs - this.clock.monotonic();
    if (left <= 0) this.#now();
    else this.#cancel = wait(this.clock, left, () => this.#now());
  }

  /** Does at once what was asked for and waits for its time. */
  flush(): void {
    if (this.#cancel) this.#now();
  }

  #now(): void {
    this.cancel();
    this.#doneAt = this.clock.monotonic();
    this.work();
  }

  /** Forgets what was asked for. */
  cancel(): void {
    this.#cancel?.();
    this.#cancel = null;
  }
}
