import { Logger as NestLogger } from '@nestjs/common';
import type { Logger } from '../model/logger.js';

/** Writes through Nest's logger, so that the application's own settings hold. */
export function createNestLogger(scheduler: string): Logger {
  const logger = new NestLogger(scheduler === 'default' ? 'Asyncz' : `Asyncz:${scheduler}`);
  return {
    debug: (message) => logger.debug(message),
    info: (message) => logger.log(message),
    warn: (message) => logger.warn(message),
    error: (message, error) => {
      if (error instanceof Error) logger.error(`${message}: ${error.message}`, error.stack);
      else logger.error(error === undefined ? message : `${message}: ${String(error)}`);
    },
  };
}
