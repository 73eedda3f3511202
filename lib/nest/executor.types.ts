import { InvalidOptionError, UnknownNameError } from '../errors/input.errors.js';
import { AsyncExecutor } from '../executors/async.executor.js';
import { DebugExecutor } from '../executors/debug.executor.js';
import type { Executor } from '../executors/executor.interface.js';
import type { ExecutorConfig } from './module.options.js';

/** The types of executors, by the names that a configuration uses. The second row of names is that of Asyncz and APScheduler. */
const EXECUTOR_TYPES: Readonly<Record<string, (options: object) => Executor>> = {
  async: (options) => new AsyncExecutor(options),
  asyncio: (options) => new AsyncExecutor(options),
  debug: (options) => new DebugExecutor(options),
};

const ALLOWED =
  'the name of an executor type, an object with a "type" and its options, or an object with a method "execute"';

/**
 * Makes an executor of the name of its type and its options.
 *
 * @throws UnknownNameError, InvalidOptionError, and what the type throws for its options.
 */
export function createExecutor(alias: string, config: ExecutorConfig): Executor {
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
