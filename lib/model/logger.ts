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
}

/** Writes nothing. */
export const SILENT_LOGGER: Logger = { debug() {}, info() {}, warn() {}, error() {} };

/** Does work whose failure is logged, as "`what` failed", and stops nothing. Never rejects. */
export async function quietly(logger: Logger, what: string, work: () => unknown): Promise<void> {
  try {
    await work();
  } catch (error) {
    logger.error(`${what} failed`, error);
  }
}
