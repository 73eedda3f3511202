import { InvalidOptionError, rejectUnknownOptions } from '../errors/input.errors.js';
import { promiseOf } from '../errors/returned.js';
import { namesOf } from '../model/names.js';
import type { Executor, ExecutorJob } from './executor.interface.js';
import { runInTaskContext } from './task-context.js';

/** How many runs an {@link AsyncExecutor} executes at the same time by default. */
export const DEFAULT_CONCURRENCY = 100;

/**
 * Options of an {@link AsyncExecutor}.
 *
 * @publicApi
 */
export interface AsyncExecutorOptions {
  /**
   * How many runs may be under way at the same time in this process, a whole number from 1.
   *
   * @default 100
   */
  readonly concurrency?: number;
}

const OPTIONS = namesOf<keyof AsyncExecutorOptions>({ concurrency: 0 });

/**
 * Calls handlers in this process, on the event loop, many at a time. It suits handlers that wait: for queries, requests,
 * files. A handler that computes for long blocks the process.
 *
 * @publicApi
 */
export class AsyncExecutor implements Executor {
  readonly #concurrency: number;
  #running = 0;

  /** @throws UnknownOptionError, InvalidOptionError */
  constructor(options: AsyncExecutorOptions = {}) {
    rejectUnknownOptions('the async executor', options, OPTIONS);
    const { concurrency = DEFAULT_CONCURRENCY } = options;
    if (!Number.isInteger(concurrency) || concurrency < 1) {
      throw new InvalidOptionError('concurrency', concurrency, 'a whole number from 1');
    }
    this.#concurrency = concurrency;
  }

  get room(): number {
    return this.#concurrency - this.#running;
  }

  /** A handler that returns no promise has ended when this returns. */
  execute({ context, invoke }: ExecutorJob): unknown {
    this.#running += 1;
    let result: unknown;
    try {
      result = runInTaskContext(context, invoke);
    } catch (error) {
      this.#running -= 1;
      throw error;
    }
    const promise = promiseOf(result);
    if (promise) return promise.then(this.#returned, this.#threw);
    this.#running -= 1;
    return result;
  }

  readonly #returned = (result: unknown): unknown => {
    this.#running -= 1;
    return result;
  };

  readonly #threw = (error: unknown): never => {
    this.#running -= 1;
    throw error;
  };
}
