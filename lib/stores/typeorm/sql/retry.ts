import type { Clock } from '../../../model/clock.js';

/** A pause, in milliseconds. */
export function pause(clock: Clock, ms: number): Promise<void> {
  return new Promise((resolve) => clock.schedule(resolve, ms));
}

/** A pause that grows with every attempt and is spread, so that those who got in each other's way do not do so again. */
export function backoff(attempt: number, firstMs: number, longestMs: number): number {
  return Math.random() * Math.min(longestMs, firstMs * 2 ** attempt);
}

/** How often and how long something is tried again. */
export interface RetryLimits {
  readonly attempts: number;
  readonly firstMs: number;
  readonly longestMs: number;
}

/** Tries again what failed in a way that may pass; the last failure is thrown. */
export async function retrying<T>(
  clock: Clock,
  { attempts, firstMs, longestMs }: RetryLimits,
  isRetryable: (error: unknown) => boolean,
  work: () => Promise<T>,
): Promise<T> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await work();
    } catch (error) {
      if (attempt >= attempts || !isRetryable(error)) throw error;
    }
    await pause(clock, backoff(attempt, firstMs, longestMs));
  }
}
