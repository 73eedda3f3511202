import { Logger as NestLogger } from '@nestjs/common';
import { describeThrown, headlineOf, stackOf } from '../errors/thrown.js';
import type { Logger } from '../model/logger.js';

/** Writes through Nest's logger, so that the application's own settings hold. */
export function createNestLogger(scheduler: string): Logger {
  const logger = new NestLogger(scheduler === 'default' ? 'Asyncz' : `Asyncz:${scheduler}`);
  return {
    debug: (message) => logger.debug(message),
    info: (message) => logger.log(message),
    warn: (message) => logger.warn(message),
    verbose: (message) => logger.verbose(message),
    fatal: (message) => logger.fatal(message),
    error: (message, error) => {
      if (error === undefined) return logger.error(message);
      const thrown = describeThrown(error);
      const stack = stackOf(thrown);
      logger.error(`${message}: ${headlineOf(thrown)}`, ...(stack === null ? [] : [stack]));
    },
  };
}
