import { InvalidOptionError, UnknownNameError } from '../../errors/input.errors.js';
import { takePromise } from '../../errors/returned.js';
import { spreadBackoffMs } from '../../model/backoff.js';
import type { RetryPolicy } from '../../model/retry.js';

/**
 * How long to wait before the next attempt.
 *
 * @param attempt The attempt that failed, from 1.
 * @returns Milliseconds; `delayMs` and `maxDelayMs` of the policy are its to use or not.
 * @publicApi
 */
export type BackoffFunction = (attempt: number, policy: RetryPolicy, error: unknown) => number;

/**
 * Back-off functions by name.
 *
 * - `fixed`: always `delay`.
 * - `exponential`: `delay`, twice that, four times that … up to `maxDelay`, each shortened by up to a half at random, so
 *   that what failed together does not come back together.
 */
export class BackoffRegistry {
  readonly #functions = new Map<string, BackoffFunction>([
    ['fixed', (_attempt, policy) => policy.delayMs],
    [
      'exponential',
      (attempt, { delayMs, maxDelayMs }) => spreadBackoffMs({ firstMs: delayMs, longestMs: maxDelayMs }, attempt, 0.5),
    ],
  ]);

  /** Registers a function of one's own, or replaces one. @throws InvalidOptionError */
  register(name: string, backoff: BackoffFunction): void {
    if (typeof backoff !== 'function') throw new InvalidOptionError(`backoffs.${name}`, backoff, 'a function');
    this.#functions.set(name, backoff);
  }

  names(): readonly string[] {
    return [...this.#functions.keys()];
  }

  has(name: string): boolean {
    return this.#functions.has(name);
  }

  /**
   * @returns How long to wait, in milliseconds.
   * @throws UnknownNameError When the policy names a function that is not registered here. InvalidOptionError When the
   *   function returns no number of milliseconds.
   */
  delayAfter(policy: RetryPolicy, attempt: number, error: unknown): number {
    const backoff = this.#functions.get(policy.backoff);
    if (!backoff) throw new UnknownNameError('back-off', policy.backoff, this.names());
    const delay: unknown = backoff(attempt, policy, error);
    if (typeof delay !== 'number' || !(Math.abs(delay) <= Number.MAX_SAFE_INTEGER)) {
      takePromise(delay);
      throw new InvalidOptionError(`backoffs.${policy.backoff}()`, delay, 'a number of milliseconds');
    }
    return Math.max(0, Math.round(delay));
  }
}
