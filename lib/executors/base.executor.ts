import { InvalidOptionError } from '../errors/input.errors.js';
import { promiseOf } from '../errors/returned.js';
import type { Executor, ExecutorJob } from './executor.interface.js';

/** A job that waits for a place, and is to be told that it has one. */
type Waiting = () => void;

/**
 * The base of all executors: counts the jobs under way, and has room for as many as its concurrency says. One of your own extends
 * it and says in `run` how a job is executed. A job for which there is no place waits, in order: stores that share an executor
 * claim for it without knowing of each other.
 *
 * @publicApi
 */
export abstract class BaseExecutor implements Executor {
  #running = 0;
  readonly #waiting: Waiting[] = [];

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
    return this.concurrency - this.#running - this.#waiting.length;
  }

  /** A job whose `run` gives no promise has ended when this returns, unless it waits for a place. */
  execute(job: ExecutorJob): unknown {
    if (this.#running >= this.concurrency) return this.#place(job.context.signal).then(() => this.#run(job));
    this.#running += 1;
    return this.#run(job);
  }

  /** Resolves with a place, which is taken; rejects with the reason of the signal when the job is aborted before. */
  #place(signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const given = () => {
        signal.removeEventListener('abort', aborted);
        resolve();
      };
      const aborted = () => {
        this.#waiting.splice(this.#waiting.indexOf(given), 1);
        reject(signal.reason as Error);
      };
      if (signal.aborted) {
        reject(signal.reason as Error);
        return;
      }
      signal.addEventListener('abort', aborted, { once: true });
      this.#waiting.push(given);
    });
  }

  /** Executes a job that has a place. */
  #run(job: ExecutorJob): unknown {
    let result: unknown;
    try {
      result = this.run(job);
    } catch (error) {
      this.#leave();
      throw error;
    }
    const promise = promiseOf(result);
    if (promise) return promise.then(this.#returned, this.#threw);
    this.#leave();
    return result;
  }

  /**
   * Executes one job. It returns what the handler returns and throws what it throws, or gives a promise of that, and catches
   * nothing.
   */
  protected abstract run(job: ExecutorJob): unknown;

  /** A place is free: the job that has waited longest gets it. */
  #leave(): void {
    const next = this.#waiting.shift();
    if (next) next();
    else this.#running -= 1;
  }

  readonly #returned = (result: unknown): unknown => {
    this.#leave();
    return result;
  };

  readonly #threw = (error: unknown): never => {
    this.#leave();
    throw error;
  };
}
