import type { Duration } from '../model/duration.js';
import type { RetryOptions } from '../model/retry.js';
import type { Awaitable } from '../stores/store.interface.js';

/**
 * Options of `TaskContext.step`.
 *
 * @publicApi
 */
export interface StepOptions {
  /**
   * How often a step that throws is tried again within the attempt of its run: the number of tries, or more options. The run keeps
   * its place meanwhile.
   *
   * @default 1
   */
  readonly retry?: number | RetryOptions;
}

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

/**
 * A part of a handler that writes in a transaction of its store's database.
 *
 * @publicApi
 */
export type TransactionWork<T, Manager = never> = (manager: Manager) => Awaitable<T>;

/** A part without a name ends the run. */
export type TransactionArguments<T> = [work: TransactionWork<T>] | [name: string, work: TransactionWork<T>];

/** What the handler of a run may do in steps: see the methods of `TaskContext` with these names. */
export interface StepRunner {
  step<T>(name: string, work: () => Awaitable<T>, options?: StepOptions): Promise<T>;
  sleep(until: Duration | Date, options?: SleepOptions): Promise<void>;
  snooze(until: Duration | Date): Promise<never>;
  transaction<T>(...given: TransactionArguments<T>): Promise<T>;
}
