import { AsyncLocalStorage } from 'node:async_hooks';

/**
 * Lets one piece of work at a time through, in the order of asking, within one process. Work that asks again while it has
 * the lock is let through at once: it would wait for itself.
 */
export class Mutex {
  #tail: Promise<unknown> = Promise.resolve();
  readonly #holder = new AsyncLocalStorage<{ held: boolean }>();

  /** Runs `work` when everything asked for before has ended, whether well or badly. */
  run<T>(work: () => Promise<T>): Promise<T> {
    if (this.#holder.getStore()?.held) return work();
    const hold = { held: true };
    const result = this.#tail
      .then(() => this.#holder.run(hold, work))
      // What the work has started and not awaited has no share in the lock any more.
      .finally(() => (hold.held = false));
    // The next one waits for the end, not for the outcome.
    this.#tail = result.catch(() => {});
    return result;
  }
}
