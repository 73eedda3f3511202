import { spreadBackoffMs } from '../../../model/backoff.js';
import type { Backoff } from '../../../model/backoff.js';
import type { Clock } from '../../../model/clock.js';
import { pause } from '../../../time/wait.js';

/** How often and how long something is tried again. */
export interface RetryLimits extends Backoff {
  readonly attempts: number;
}

/** Tries again what failed in a way that may pass; the last failure is thrown. */
export async function retrying<T>(
  clock: Clock,
  limits: RetryLimits,
  isRetryable: (error: unknown) => boolean,
  work: () => Promise<T>,
): Promise<T> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await work();
    } catch (error) {
      if (attempt >= limits.attempts || !isRetryable(error)) throw error;
    }
    await pause(clock, spreadBackoffMs(limits, attempt));
  }
}
