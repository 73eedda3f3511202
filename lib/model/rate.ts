import type { Duration } from './duration.js';
import { namesOf } from './names.js';

/**
 * What shares a rate limit: all tasks of a handler, all of a group, or those of either that have the same key.
 *
 * @publicApi
 */
export type RateScope = 'handler' | 'group' | 'key';

export const RATE_SCOPES = namesOf<RateScope>({ handler: 0, group: 0, key: 0 });

/**
 * How many runs start in a time at the most, as users write it.
 *
 * @publicApi
 */
export interface RateLimitOptions {
  /** How many runs start in any time of the length {@link per}, in the whole cluster; a whole number from 1. */
  readonly max: number;
  /** The length of time, from one second, by the clock of the store. */
  readonly per: Duration;
  /**
   * What shares the limit. `'group'` when left out, for a task of a group, and `'handler'` for any other.
   * With `'key'`, each key has the limit for itself: see `limitKey`.
   */
  readonly of?: RateScope;
}

/**
 * How many runs start in a time at the most, as it is stored.
 *
 * @publicApi
 */
export interface RatePolicy {
  /** How many runs start in any time of the length {@link perMs} at the most, in the whole cluster. */
  readonly max: number;
  /** The length of time, in milliseconds. */
  readonly perMs: number;
  /** What shares the limit; null for the group of the task, or its handler where it has none. */
  readonly of: RateScope | null;
}

/** The shortest time that a rate limit can be for, in milliseconds: in a shorter one, most of it would be lost to round trips. */
export const SHORTEST_RATE_MS = 1_000;
