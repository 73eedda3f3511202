import { STATUS_CODES } from 'node:http';
import { Catch, HttpException, Logger } from '@nestjs/common';
import type { ArgumentsHost } from '@nestjs/common';
import { BaseExceptionFilter } from '@nestjs/core';
import { throwError } from 'rxjs';
import { AsynczError } from '../errors/asyncz.error.js';
import { ASYNCZ } from './pipeline/execution.context.js';

/** The codes of errors that are not a fault of the server's code, by HTTP status. What is in none is a 500. */
const CODES: Readonly<Record<number, readonly string[]>> = {
  400: [
    'ASYNCZ_INVALID_OPTION',
    'ASYNCZ_UNKNOWN_OPTION',
    'ASYNCZ_UNKNOWN_STORE',
    'ASYNCZ_UNKNOWN_STORE_TYPE',
    'ASYNCZ_UNKNOWN_EXECUTOR',
    'ASYNCZ_UNKNOWN_TRIGGER_TYPE',
    'ASYNCZ_UNKNOWN_HANDLER',
    'ASYNCZ_UNKNOWN_CALENDAR',
    'ASYNCZ_UNKNOWN_BACK_OFF',
    'ASYNCZ_CRON_SYNTAX',
    'ASYNCZ_IMPOSSIBLE_TRIGGER',
    'ASYNCZ_SEARCH_LIMIT',
    'ASYNCZ_TRIGGER_EXHAUSTED',
    'ASYNCZ_TASK_LIST',
    'ASYNCZ_UNSERIALIZABLE',
    'ASYNCZ_ARGUMENTS_REFUSED',
  ],
  404: ['ASYNCZ_TASK_NOT_FOUND', 'ASYNCZ_RUN_NOT_FOUND', 'ASYNCZ_UNKNOWN_LIVE_SCHEDULER'],
  409: [
    'ASYNCZ_TASK_CONFLICT',
    'ASYNCZ_VERSION_CONFLICT',
    'ASYNCZ_INVALID_TASK_STATE',
    'ASYNCZ_TASK_UNREADABLE',
    'ASYNCZ_RUN_NOT_DEAD',
    'ASYNCZ_RUN_UNREADABLE',
    'ASYNCZ_TASK_REPLACED',
    'ASYNCZ_DUPLICATE_NAME',
    'ASYNCZ_DRAIN_WITHDRAWN',
  ],
  413: ['ASYNCZ_PAYLOAD_TOO_LARGE'],
  503: ['ASYNCZ_NOT_RUNNING', 'ASYNCZ_STORE_UNAVAILABLE', 'ASYNCZ_FILE_LOCKED', 'ASYNCZ_DRAIN_UNKNOWN'],
  504: ['ASYNCZ_RUN_WAIT_TIMEOUT', 'ASYNCZ_TASK_WAIT_TIMEOUT', 'ASYNCZ_DRAIN_TIMEOUT'],
};

const STATUS_OF = new Map(
  Object.entries(CODES).flatMap(([status, codes]) => codes.map((code) => [code, Number(status)] as const)),
);

/** Their messages name servers and paths, which are nobody's business outside. */
const SECRET = new Set(['ASYNCZ_STORE_UNAVAILABLE', 'ASYNCZ_FILE_LOCKED']);

/**
 * Answers an HTTP request with the status that an error of this library means, instead of 500: 404 for a task that is not
 * there, 409 for an id that is taken, 400 for an option that is refused. The body is that of NestJS's own exceptions, with the
 * `code` of the error.
 *
 * ```ts
 * @Module({ providers: [{ provide: APP_FILTER, useClass: AsynczExceptionFilter }] })
 * ```
 *
 * Or `@UseFilters(AsynczExceptionFilter)` on a controller, or `app.useGlobalFilters(new AsynczExceptionFilter(app.getHttpAdapter()))`.
 * In a microservice the error goes to the caller as it is, and a run fails with it as it is.
 *
 * @publicApi
 */
@Catch(AsynczError)
export class AsynczExceptionFilter extends BaseExceptionFilter<AsynczError> {
  private readonly log = new Logger('Asyncz');

  override catch(error: AsynczError, host: ArgumentsHost): unknown {
    const kind = host.getType<string>();
    if (kind === 'rpc' || kind === ASYNCZ) return throwError(() => error);
    const exception = toHttpException(error);
    // GraphQL and others have a way of their own to show an exception.
    if (kind !== 'http') throw exception ?? error;
    if (SECRET.has(error.code)) this.log.error(error.message, error.stack);
    super.catch((exception ?? error) as never, host);
    return undefined;
  }
}

/** null for what is a fault of the server's own code or configuration. */
function toHttpException(error: AsynczError): HttpException | null {
  const statusCode = STATUS_OF.get(error.code);
  if (statusCode === undefined) return null;
  const reason = STATUS_CODES[statusCode]!;
  const message = SECRET.has(error.code) ? reason : error.message;
  return new HttpException({ statusCode, error: reason, message, code: error.code }, statusCode, { cause: error });
}
