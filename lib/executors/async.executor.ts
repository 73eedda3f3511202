import { rejectUnknownOptions } from '../errors/input.errors.js';
import { namesOf } from '../model/names.js';
import { BaseExecutor } from './base.executor.js';
import type { ExecutorJob } from './executor.interface.js';
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
export class AsyncExecutor extends BaseExecutor {
  /** @throws UnknownOptionError, InvalidOptionError */
  constructor(options: AsyncExecutorOptions = {}) {
    rejectUnknownOptions('the async executor', options, OPTIONS);
    const { concurrency = DEFAULT_CONCURRENCY } = options;
    super(concurrency);
  }

  protected run({ context, invoke }: ExecutorJob): unknown {
    return runInTaskContext(context, invoke);
  }
}
