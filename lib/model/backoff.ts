/** A wait that doubles from attempt to attempt, until it is as long as the longest. */
export interface Backoff {
  /** The wait after the first failed attempt, in milliseconds. */
  readonly firstMs: number;
  /** The longest wait, in milliseconds. */
  readonly longestMs: number;
}

/** A larger power of two says no more, and times a first wait of 0 an infinite one is no number. */
const MAX_DOUBLINGS = 1_000;

/**
 * How long to wait after a failed attempt.
 *
 * @param attempt The number of the attempt that failed, from 1.
 * @returns Milliseconds.
 */
export function backoffMs({ firstMs, longestMs }: Backoff, attempt: number): number {
  return Math.min(firstMs * 2 ** Math.min(attempt - 1, MAX_DOUBLINGS), longestMs);
}

/**
 * As {@link backoffMs}, shortened at random: what failed together does not come back together.
 *
 * @param share How much of the wait is left to chance, from 0 to 1.
 * @returns Milliseconds.
 */
export function spreadBackoffMs(backoff: Backoff, attempt: number, share = 1): number {
  return backoffMs(backoff, attempt) * (1 - share * Math.random());
}
