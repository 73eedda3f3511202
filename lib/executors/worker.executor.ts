import type { ResourceLimits } from 'node:worker_threads';
import { rejectUnknownOptions } from '../errors/input.errors.js';
import { namesOf } from '../model/names.js';
import { defaultPlaces, PoolExecutor } from './pool/pool.executor.js';
import type { PoolExecutorOptions } from './pool/pool.executor.js';
import type { WorkerSettings } from './pool/worker.link.js';

/**
 * Options of a {@link WorkerExecutor}.
 *
 * @publicApi
 */
export interface WorkerExecutorOptions extends PoolExecutorOptions {
  /**
   * How many threads, each for one run at a time; a whole number from 1.
   *
   * @default one less than the machine has cores, and 1 at least
   */
  readonly threads?: number;
  /** How much memory each thread may have, in MiB, as `resourceLimits` of a `Worker` of Node.js. @default as Node.js has it */
  readonly resourceLimits?: ResourceLimits;
}

const OPTIONS = namesOf<keyof WorkerExecutorOptions>({ module: 0, bootTimeout: 0, threads: 0, resourceLimits: 0 });

/**
 * Runs handlers in threads of this process, one run a thread. It suits handlers that compute. A thread that crashes, runs out of
 * memory or does not obey an abort is ended and replaced, and the other runs go on.
 *
 * @publicApi
 */
export class WorkerExecutor extends PoolExecutor {
  readonly #limits: ResourceLimits | undefined;

  /** @throws UnknownOptionError, InvalidOptionError */
  constructor(options: WorkerExecutorOptions) {
    rejectUnknownOptions('the worker executor', options, OPTIONS);
    const { threads = defaultPlaces(), resourceLimits } = options;
    super(options, threads, 'threads');
    this.#limits = resourceLimits;
  }

  /** @internal */
  protected workers(file: string): WorkerSettings {
    return { kind: 'thread', file, resourceLimits: this.#limits, env: undefined, execArgv: undefined };
  }
}
