import { rejectUnknownOptions } from '../errors/input.errors.js';
import { namesOf } from '../model/names.js';
import { defaultPlaces, PoolExecutor } from './pool/pool.executor.js';
import type { PoolExecutorOptions } from './pool/pool.executor.js';
import type { WorkerSettings } from './pool/worker.link.js';

/**
 * Options of a {@link ProcessExecutor}.
 *
 * @publicApi
 */
export interface ProcessExecutorOptions extends PoolExecutorOptions {
  /**
   * How many processes, each for one run at a time; a whole number from 1.
   *
   * @default one less than the machine has cores, and 1 at least
   */
  readonly processes?: number;
  /** How much memory the objects of each process may have, in MiB. @default as Node.js has it */
  readonly resourceLimits?: { readonly maxOldGenerationSizeMb?: number };
  /** Variables of the environment, beside those of this process. */
  readonly env?: Readonly<Record<string, string>>;
  /** The arguments of `node`. @default those of this process, without debuggers */
  readonly execArgv?: readonly string[];
}

const OPTIONS = namesOf<keyof ProcessExecutorOptions>({
  module: 0,
  bootTimeout: 0,
  processes: 0,
  resourceLimits: 0,
  env: 0,
  execArgv: 0,
});

/**
 * Runs handlers in child processes, one run a process. It suits code that may crash, such as native modules, and code that must
 * not share memory. A process that ends or does not obey an abort is replaced, and the other runs go on.
 *
 * @publicApi
 */
export class ProcessExecutor extends PoolExecutor {
  readonly #settings: Omit<WorkerSettings, 'file'>;

  /** @throws UnknownOptionError, InvalidOptionError */
  constructor(options: ProcessExecutorOptions) {
    rejectUnknownOptions('the process executor', options, OPTIONS);
    const { processes = defaultPlaces(), resourceLimits, env, execArgv } = options;
    super(options, processes, 'processes');
    this.#settings = { kind: 'process', resourceLimits, env, execArgv };
  }

  /** @internal */
  protected workers(file: string): WorkerSettings {
    return { ...this.#settings, file };
  }
}
