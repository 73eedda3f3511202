import { MACHINE } from '../../model/clock.js';

/** How many tasks one call of the store adds at the most, and how many the first one. */
const LARGEST = 1_000;
const FIRST = 250;

/** For how long the process is to be blocked at a time, in milliseconds, and after how many tasks that is looked at. */
const SLICE_MS = 15;
const LOOK_EVERY = 32;

/**
 * Keeps work on many tasks from blocking the process: others have their turn after each slice, and a call of the store is about
 * no more tasks than it encodes in that time, which depends on their arguments.
 */
export class WorkPace {
  #limit = FIRST;
  #count = 0;
  #began = MACHINE.monotonic();

  /** How many tasks the next call of the store is about. */
  get limit(): number {
    return this.#limit;
  }

  /** Takes notice of a task that was looked at. Returns whether it is time for others. */
  step(): boolean {
    this.#count += 1;
    return this.#count % LOOK_EVERY === 0 && MACHINE.monotonic() - this.#began > SLICE_MS;
  }

  /** Lets others have their turn. */
  async rest(): Promise<void> {
    await new Promise(setImmediate);
    this.#began = MACHINE.monotonic();
  }

  /** Calls the store about so many tasks, and takes notice of how long that blocked. */
  measured<T>(count: number, call: () => T): T {
    const before = MACHINE.monotonic();
    const answer = call();
    const blockedMs = MACHINE.monotonic() - before;
    const fits = blockedMs > 0 ? Math.floor((count * SLICE_MS) / blockedMs) : LARGEST;
    this.#limit = Math.max(1, Math.min(LARGEST, fits));
    return answer;
  }
}
