import { InvalidOptionError } from '../errors/input.errors.js';
import { promiseOf } from '../errors/returned.js';
import type { Executor, ExecutorJob } from './executor.interface.js';

/**
 * The base of all executors: counts the jobs under way, and has room for as many as its concurrency says. One of your own extends
 * it and says in `run` how a job is executed.
 *
 * @publicApi
 */
export abstract class BaseExecutor implements Executor {
  #running = 0;

  /**
   * @param concurrency How many jobs may be under way at the same time, a whole number from 1.
   * @param option What that is called in the options, for the message of the error.
   * @throws InvalidOptionError
   */
  constructor(
    readonly concurrency: number,
    option = 'concurrency',
  ) {
    if (!Number.isInteger(concurrency) || concurrency < 1) {
      throw new InvalidOptionError(option, concurrency, 'a whole number from 1');
    }
  }

  /** How many jobs are under way. */
  get running(): number {
    return this.#running;
  }

  /** How many more jobs it takes now. */
  get room(): number {
    return this.concurrency - this.#running;
  }

  /** A job whose `run` gives no promise has ended when this returns. */
  execute(job: ExecutorJob): unknown {
    this.#running += 1;
    let result: unknown;
    try {
      result = this.run(job);
    } catch (error) {
      this.#running -= 1;
      throw error;
    }
    const promise = promiseOf(result);
    if (promise) return promise.then(this.#returned, this.#threw);
    this.#running -= 1;
    return result;
  }

  /**
   * Executes one job. It returns what the handler returns and throws what it throws, or gives a promise of that, and catches
   * nothing.
   */
  protected abstract run(job: ExecutorJob): unknown;

  readonly #returned = (result: unknown): unknown => {
    this.#running -= 1;
    return result;
  };

  readonly #threw = (error: unknown): never => {
    this.#running -= 1;
    throw error;
  };
}
