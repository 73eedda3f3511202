/** Lets one task at a time through, in the order of asking, within one process. */
export class Mutex {
  #tail: Promise<unknown> = Promise.resolve();

  /** Runs `work` when everything asked for before has ended, whether well or badly. */
  run<T>(work: () => Promise<T>): Promise<T> {
    const result = this.#tail.then(work);
    // The next one waits for the end, not for the outcome.
    this.#tail = result.catch(() => {});
    return result;
  }
}
