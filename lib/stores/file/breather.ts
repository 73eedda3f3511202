import { MACHINE } from '../../model/clock.js';

/** How long something goes on before everything else gets its turn, in milliseconds. */
const AT_ONCE_MS = 10;

/** How often to look at the clock. */
const STEPS = 32;

/** Lets everything else in the process go on while something goes through very much. */
export class Breather {
  #start = MACHINE.monotonic();
  #steps = 0;

  /** To be awaited at each step. */
  async breathe(): Promise<void> {
    this.#steps += 1;
    if (this.#steps % STEPS !== 0 || MACHINE.monotonic() - this.#start < AT_ONCE_MS) return;
    await new Promise(setImmediate);
    this.#start = MACHINE.monotonic();
  }
}
