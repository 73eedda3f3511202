import type { Duration } from '../../model/duration.js';
import type { DedupeMode } from '../plan/dedupe.plan.js';
import type { ActorOptions } from './control.options.js';

/**
 * Which calls of `addTask` ask for the same work, and what becomes of those that come after the first. They are told apart by
 * handler and key in one store, on all nodes.
 *
 * @publicApi
 */
export interface DedupeOptions {
  /** What the calls have in common, such as the id of a customer: 1 to 200 characters. */
  readonly key: string;
  /**
   * - `skip`: while the task waits or runs, nothing is added.
   * - `replace`: what waits is replaced. While it runs, the new one waits for its end.
   * - `debounce`: what waits is replaced, and moved to `for` from now. It runs once nobody has asked for that long.
   * - `throttle`: after one was added, no other one is for as long as `for`, whether or not it has run by then.
   *
   * @default 'skip'
   */
  readonly mode?: DedupeMode;
  /** With `debounce` and `throttle`: how long, at least a millisecond, by the clock of the store. */
  readonly for?: Duration;
}

/**
 * What a call that asks for work may say beside the task itself.
 *
 * @publicApi
 */
export interface AskingOptions extends ActorOptions {
  /** How long from now it runs, once: instead of a trigger. */
  readonly delay?: Duration;
  /** What becomes of it when the same was asked for already; then the key is its id. */
  readonly dedupe?: DedupeOptions;
}
