import { AsyncLocalStorage } from 'node:async_hooks';

/** A lock that the work that is going on has, and those that it had before. */
interface Hold {
  readonly mutex: Mutex;
  readonly outer: Hold | undefined;
  ended: boolean;
}

/** One for all locks: each storage that was ever used makes every promise of the process a little slower, for good. */
const holds = new AsyncLocalStorage<Hold>();

/**
 * Lets one piece of work at a time through, in the order of asking, within one process. Work that asks again while it has
 * the lock is let through at once: it would wait for itself.
 */
export class Mutex {
  #tail: Promise<unknown> = Promise.resolve();

  /** Runs `work` when everything asked for before has ended, whether well or badly. */
  run<T>(work: () => Promise<T>): Promise<T> {
    const outer = liveHold(holds.getStore());
    if (this.#isHeldBy(outer)) return work();
    const hold: Hold = { mutex: this, outer, ended: false };
    const result = this.#tail
      .then(() => holds.run(hold, work))
      // What the work has started and not awaited has no share in the lock any more.
      .finally(() => (hold.ended = true));
    // The next one waits for the end, not for the outcome.
    this.#tail = result.catch(() => {});
    return result;
  }

  #isHeldBy(hold: Hold | undefined): boolean {
    for (let at = hold; at; at = at.outer) if (at.mutex === this && !at.ended) return true;
    return false;
  }
}

/** Drops those that have ended, or a loop that was started under a lock would grow a chain of them for ever. */
function liveHold(hold: Hold | undefined): Hold | undefined {
  let live = hold;
  while (live?.ended) live = live.outer;
  return live;
}
