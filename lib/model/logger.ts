import { takePromise } from '../errors/returned.js';
import { presentable } from '../errors/thrown.js';

/**
 * The log of the library. The NestJS module uses Nest's logger.
 *
 * @publicApi
 */
export interface Logger {
  debug(message: string): void;
  info(message: string): void;
  warn(message: string): void;
  /** @param error What was caught; its stack is written too. */
  error(message: string, error?: unknown): void;
  /** What a handler writes as finer than `debug`, which takes its place where it is left out. */
  verbose?(message: string): void;
  /** What a handler writes as graver than `error`, which takes its place where it is left out. */
  fatal?(message: string): void;
}

/** Writes nothing. */
export const SILENT_LOGGER: Logger = { debug() {}, info() {}, warn() {}, error() {} };

/**
 * A logger of somebody's own, kept apart from the engine: what it throws or rejects with is lost with the line, and it gets
 * no error that throws when it is looked at. Never throws.
 */
export function guardedLogger(logger: Logger): Logger {
  const write = (line: () => unknown) => {
    try {
      takePromise(line());
    } catch (error) {
      // Where would it be told?
      takePromise(error);
    }
  };
  return {
    debug: (message) => write(() => logger.debug(message)),
    info: (message) => write(() => logger.info(message)),
    warn: (message) => write(() => logger.warn(message)),
    error: (message, ...errors) => write(() => logger.error(message, ...errors.map(presentable))),
    ...(logger.verbose && { verbose: (message) => write(() => logger.verbose!(message)) }),
    ...(logger.fatal && { fatal: (message) => write(() => logger.fatal!(message)) }),
  };
}

/** Does work whose failure is logged, as "`what` failed", and stops nothing. Never rejects. */
export async function quietly(logger: Logger, what: string, work: () => unknown): Promise<void> {
  try {
    await work();
  } catch (error) {
    logger.error(`${what} failed`, error);
  }
}
