/** How many tasks one claim takes at the most, however much room there is: a bound on one transaction. */
const LARGEST = 1_000;

/** How many the first one takes: what the store can do is not known yet. */
const FIRST = 16;

/** Which part of a lease a claim may take: enough is left of it to hand out the runs and to renew it in good time. */
const SHARE_OF_LEASE = 1 / 5;

/**
 * How many tasks a claim asks for. A store that is slow takes the longer the more it is asked for; where a claim lasts as
 * long as a lease, its runs are lost as they come, are due again, and make the next one no shorter. So a claim that took too
 * long makes the next one smaller, and one that took all that it asked for in time makes it larger: it begins small and doubles.
 */
export class ClaimSize {
  readonly #longestMs: number;
  #limit = FIRST;

  /** @param leaseMs How long a lease lasts, in milliseconds. */
  constructor(leaseMs: number) {
    this.#longestMs = leaseMs * SHARE_OF_LEASE;
  }

  get limit(): number {
    return this.#limit;
  }

  /**
   * Takes notice of a claim.
   *
   * @param count How many tasks it took.
   * @param ms How long it took, in milliseconds.
   */
  note(count: number, ms: number): void {
    if (ms > this.#longestMs) this.#limit = Math.max(1, Math.floor((count * this.#longestMs) / ms));
    else if (count >= this.#limit) this.#limit = Math.min(LARGEST, this.#limit * 2);
  }
}
