import type { Duration } from './duration.js';

/**
 * How a failed run is tried again, as users write it.
 *
 * @publicApi
 */
export interface RetryOptions {
  /** The largest number of attempts, the first one included; a whole number from 1. */
  readonly attempts: number;
  /**
   * How the wait grows: `fixed`, `exponential`, or the name of a registered function.
   *
   * @default 'exponential'
   */
  readonly backoff?: string;
  /**
   * The first wait.
   *
   * @default '1s'
   */
  readonly delay?: Duration;
  /**
   * The longest wait.
   *
   * @default '1h'
   */
  readonly maxDelay?: Duration;
}

/** What holds for what {@link RetryOptions} leave out. */
export const DEFAULT_RETRY: Required<Omit<RetryOptions, 'attempts'>> = {
  backoff: 'exponential',
  delay: '1s',
  maxDelay: '1h',
};

/**
 * How a failed run is tried again, as it is stored.
 *
 * @publicApi
 */
export interface RetryPolicy {
  /** The largest number of attempts, the first one included. */
  readonly attempts: number;
  /** How the wait grows from attempt to attempt, or the name of a registered back-off function. */
  readonly backoff: string;
  /** The first wait, in milliseconds. */
  readonly delayMs: number;
  /** The longest wait, in milliseconds. */
  readonly maxDelayMs: number;
}

/** Whether the policy allows no further attempt after this one. @param attempt From 1. */
export function isLastAttempt(policy: RetryPolicy | null, attempt: number): boolean {
  return policy === null || attempt >= policy.attempts;
}
