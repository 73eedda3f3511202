import { takePromise } from '../errors/returned.js';
import { presentable } from '../errors/thrown.js';

/**
 * What a line of the log is about, for loggers that write fields. The message says it too, for those that do not.
 *
 * @publicApi
 */
export interface LogFields {
  /** The id of the task. */
  readonly task?: string;
  /** The id of the run. */
  readonly run?: string;
  readonly handler?: string;
  readonly attempt?: number;
  /** The alias of the store. */
  readonly store?: string;
}

/**
 * The log of the library. The NestJS module uses Nest's logger.
 *
 * @publicApi
 */
export interface Logger {
  debug(message: string, fields?: LogFields): void;
  info(message: string, fields?: LogFields): void;
  warn(message: string, fields?: LogFields): void;
  /** @param error What was caught; its stack is written too. undefined for none. */
  error(message: string, error?: unknown, fields?: LogFields): void;
  /** What a handler writes as finer than `debug`, which takes its place where it is left out. */
  verbose?(message: string, fields?: LogFields): void;
  /** What a handler writes as graver than `error`, which takes its place where it is left out. */
  fatal?(message: string, fields?: LogFields): void;
}

/** What stands in front of a line that a handler writes, for loggers without fields. */
export function runPrefix({ run, attempt }: LogFields): string {
  return `[${run}, attempt ${attempt}] `;
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
    debug: (...line) => write(() => logger.debug(...line)),
    info: (...line) => write(() => logger.info(...line)),
    warn: (...line) => write(() => logger.warn(...line)),
    error: (message, ...[error, ...fields]) =>
      write(() =>
        logger.error(message, ...(error === undefined && fields.length === 0 ? [] : [safe(error), ...fields])),
      ),
    ...(logger.verbose && { verbose: (...line) => write(() => logger.verbose!(...line)) }),
    ...(logger.fatal && { fatal: (...line) => write(() => logger.fatal!(...line)) }),
  };
}

/** An error that can be looked at; undefined for none. */
function safe(error: unknown): unknown {
  return error === undefined ? undefined : presentable(error);
}

/** Does work whose failure is logged, as "`what` failed", and stops nothing. Never rejects. */
export async function quietly(logger: Logger, what: string, work: () => unknown): Promise<void> {
  try {
    await work();
  } catch (error) {
    logger.error(`${what} failed`, error);
  }
}
