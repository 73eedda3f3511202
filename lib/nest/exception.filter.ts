import { STATUS_CODES } from 'node:http';
import { Catch, HttpException, Logger } from '@nestjs/common';
import type { ArgumentsHost } from '@nestjs/common';
import { BaseExceptionFilter } from '@nestjs/core';
import { throwError } from 'rxjs';
import { AsynczError } from '../errors/asyncz.error.js';
import { httpStatusOf, isSecret } from '../errors/http.status.js';
import { ASYNCZ } from './pipeline/execution.context.js';

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
    if (isSecret(error.code)) this.log.error(error.message, error.stack);
    super.catch((exception ?? error) as never, host);
    return undefined;
  }
}

/** null for what is a fault of the server's own code or configuration. */
function toHttpException(error: AsynczError): HttpException | null {
  const statusCode = httpStatusOf(error.code);
  if (statusCode === undefined) return null;
  const reason = STATUS_CODES[statusCode]!;
  const message = isSecret(error.code) ? reason : error.message;
  return new HttpException({ statusCode, error: reason, message, code: error.code }, statusCode, { cause: error });
}
