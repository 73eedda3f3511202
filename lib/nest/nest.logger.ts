import { Logger as NestLogger } from '@nestjs/common';
import { describeThrown, headlineOf, stackOf } from '../errors/thrown.js';
import { runPrefix } from '../model/logger.js';
import type { LogFields, Logger } from '../model/logger.js';

/**
 * How the logger of the application gets what a line is about: task, run, handler, attempt, store.
 *
 * - `params`: an object behind the message, as the `ConsoleLogger` of NestJS 12 writes it with `json: true`.
 * - `object`: one object with the message as `msg`, as `nestjs-pino` takes it, and the JSON of NestJS 11.
 *
 * @publicApi
 */
export type LogFieldsMode = 'params' | 'object';

export const LOG_FIELDS_MODES: readonly LogFieldsMode[] = ['params', 'object'];

/**
 * Writes through Nest's logger, so that the application's own settings hold.
 *
 * @param mode How fields are handed over; null for none: the message says it all.
 */
export function createNestLogger(scheduler: string, mode: LogFieldsMode | null = null): Logger {
  const logger = new NestLogger(scheduler === 'default' ? 'Asyncz' : `Asyncz:${scheduler}`);
  const line = (message: string, fields: LogFields | undefined): [unknown, ...unknown[]] => {
    if (mode === null || fields === undefined) return [message];
    const msg = withoutPrefix(message, fields);
    return mode === 'params' ? [msg, fields] : [{ msg, ...fields }];
  };
  return {
    debug: (message, fields) => logger.debug(...line(message, fields)),
    info: (message, fields) => logger.log(...line(message, fields)),
    warn: (message, fields) => logger.warn(...line(message, fields)),
    verbose: (message, fields) => logger.verbose(...line(message, fields)),
    fatal: (message, fields) => logger.fatal(...line(message, fields)),
    error: (message, error, fields) => {
      if (error === undefined) return logger.error(...line(message, fields));
      const thrown = describeThrown(error);
      const stack = stackOf(thrown);
      const text = `${message}: ${headlineOf(thrown)}`;
      if (mode === 'object') {
        // What pino writes of an error, made here: one that was thrown may be anything.
        const err = { type: thrown.name, message: thrown.message, stack: stack ?? undefined };
        return logger.error({ msg: text, ...fields, err });
      }
      return logger.error(...line(text, fields), ...(stack === null ? [] : [stack]));
    },
  };
}

/** What a handler has written, without the run in front, which is among the fields. */
function withoutPrefix(message: string, fields: LogFields): string {
  const prefix = runPrefix(fields);
  return message.startsWith(prefix) ? message.slice(prefix.length) : message;
}
