import type { Duration } from '../model/duration.js';
import type { Awaitable } from '../stores/store.interface.js';

/**
 * Options of `TaskContext.sleep`.
 *
 * @publicApi
 */
export interface SleepOptions {
  /**
   * What tells the sleep from the other steps of the run.
   *
   * @default 'sleep 1', 'sleep 2' and so on, in the order in which the handler asks
   */
  readonly name?: string;
}

/** What the handler of a run may do in steps: see the methods of `TaskContext` with these names. */
export interface StepRunner {
  step<T>(name: string, work: () => Awaitable<T>): Promise<T>;
  sleep(until: Duration | Date, options?: SleepOptions): Promise<void>;
  snooze(until: Duration | Date): Promise<never>;
}
