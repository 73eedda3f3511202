import { InvalidOptionError, UnknownNameError } from '../errors/input.errors.js';
import { AsyncExecutor } from '../executors/async.executor.js';
import { DebugExecutor } from '../executors/debug.executor.js';
import type { Executor } from '../executors/executor.interface.js';
import { PoolExecutor } from '../executors/pool/pool.executor.js';
import { ProcessExecutor } from '../executors/process.executor.js';
import type { ProcessExecutorOptions } from '../executors/process.executor.js';
import { WorkerExecutor } from '../executors/worker.executor.js';
import type { WorkerExecutorOptions } from '../executors/worker.executor.js';
import type { ExecutorConfig } from './module.options.js';
import type { WorkerSettings } from './worker.handlers.js';

/** The types of executors, by the names that a configuration uses. `asyncio`, `threadpool`, `pool`
 * and `processpool` are those of Asyncz and APScheduler. */
const EXECUTOR_TYPES: Readonly<Record<string, (options: object) => Executor>> = {
  async: (options) => new AsyncExecutor(options),
  asyncio: (options) => new AsyncExecutor(options),
  debug: (options) => new DebugExecutor(options),
  worker: createWorkerExecutor,
  threadpool: createWorkerExecutor,
  pool: createWorkerExecutor,
  process: createProcessExecutor,
  processpool: createProcessExecutor,
};

function createWorkerExecutor(options: object): Executor {
  return new WorkerExecutor(options as WorkerExecutorOptions);
}

function createProcessExecutor(options: object): Executor {
  return new ProcessExecutor(options as ProcessExecutorOptions);
}

const ALLOWED =
  'the name of an executor type, an object with a "type" and its options, or an object with a method "execute"';

/**
 * Makes an executor of the name of its type and its options.
 *
 * @param settings What its workers have to know, if it has workers.
 * @throws UnknownNameError, InvalidOptionError, and what the type throws for its options.
 */
export function createExecutor(alias: string, config: ExecutorConfig, settings: WorkerSettings = {}): Executor {
  const executor = executorOf(alias, config);
  if (executor instanceof PoolExecutor) executor.settings = settings;
  return executor;
}

function executorOf(alias: string, config: ExecutorConfig): Executor {
  const given = typeof config === 'string' ? { type: config } : config;
  if (typeof given !== 'object' || given === null) throw new InvalidOptionError(`executors.${alias}`, config, ALLOWED);
  if ('execute' in given) return given;
  const { type, ...options } = given;
  if (typeof type !== 'string') throw new InvalidOptionError(`executors.${alias}`, config, ALLOWED);
  if (!Object.hasOwn(EXECUTOR_TYPES, type)) {
    throw new UnknownNameError('executor type', type, Object.keys(EXECUTOR_TYPES));
  }
  return EXECUTOR_TYPES[type]!(options);
}
