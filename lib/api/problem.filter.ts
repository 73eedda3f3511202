import { STATUS_CODES } from 'node:http';
import { Catch, HttpException, Logger } from '@nestjs/common';
import type { ArgumentsHost, ExceptionFilter } from '@nestjs/common';
import { toJsonValue } from '../client/json.value.js';
import { PROBLEM_TYPE } from '../client/problem.js';
import type { Problem } from '../client/problem.js';
import { ForbiddenError, TooManyAttemptsError, UnauthorizedError } from '../errors/api.errors.js';
import { AsynczError } from '../errors/asyncz.error.js';
import { httpStatusOf, isSecret } from '../errors/http.status.js';
import { describeThrown, messageOf, stackOf } from '../errors/thrown.js';
import { HttpExchange } from './http.exchange.js';

/** How much of what an error says besides its message is sent, in characters. */
const LONGEST_MEMBERS = 20_000;

/**
 * Answers errors of the API as problems (RFC 9457), whatever filters the application has. What is no error of the library is a fault of
 * the server: it is logged, and nothing of it is told.
 */
@Catch()
export class ProblemFilter implements ExceptionFilter {
  private readonly log = new Logger('Asyncz');

  catch(error: unknown, host: ArgumentsHost): void {
    const http = host.switchToHttp();
    const exchange = new HttpExchange(http.getRequest<object>(), http.getResponse<object>());
    const problem = problemOf(error, exchange.headers['if-match'] !== undefined);
    if (problem.status >= 500 && problem.status !== 504)
      this.log.error(messageOf(error), stackOf(describeThrown(error)) ?? undefined);
    if (exchange.isOver) return exchange.end();
    exchange.answer(problem.status, problem, {
      'Content-Type': `${PROBLEM_TYPE}; charset=utf-8`,
      ...(error instanceof UnauthorizedError && { 'WWW-Authenticate': 'Bearer' }),
      ...(error instanceof TooManyAttemptsError && { 'Retry-After': String(Math.ceil(error.retryAfterMs / 1_000)) }),
    });
  }
}

/** @param isConditional Whether the request was for one version of a task. */
function problemOf(error: unknown, isConditional: boolean): Problem {
  if (error instanceof AsynczError) {
    const { code } = error;
    const status = code === 'ASYNCZ_VERSION_CONFLICT' && isConditional ? 412 : (httpStatusOf(code) ?? 500);
    if (status === 500) return made(500, 'ASYNCZ_INTERNAL', 'The server has a fault. Its log says which.');
    const title = STATUS_CODES[status]!;
    return isSecret(code)
      ? made(status, code, title)
      : { ...made(status, code, error.message), members: membersOf(error) };
  }
  // Of guards, pipes and the platform.
  const status = error instanceof HttpException ? error.getStatus() : statusIn(error);
  if (status === 401) return problemOf(new UnauthorizedError(), false);
  if (status === 403) return problemOf(new ForbiddenError('This', 'viewer'), false);
  if (status >= 400 && status < 500) return made(status, `ASYNCZ_HTTP_${status}`, messageOf(error));
  return made(
    status >= 500 && status < 600 ? status : 500,
    'ASYNCZ_INTERNAL',
    'The server has a fault. Its log says which.',
  );
}

/** Errors of Fastify and of body parsers have a status, too. */
function statusIn(error: unknown): number {
  const { statusCode, status } = (error ?? {}) as { readonly statusCode?: unknown; readonly status?: unknown };
  const said = statusCode ?? status;
  return typeof said === 'number' ? said : 500;
}

function made(status: number, code: string, detail: string): Problem {
  const kind = code
    .replace(/^ASYNCZ_/, '')
    .toLowerCase()
    .replaceAll('_', '-');
  return { type: `urn:nestjs-asyncz:error:${kind}`, title: STATUS_CODES[status] ?? 'Error', status, detail, code };
}

function membersOf(error: AsynczError): Problem['members'] {
  const {
    code: _code,
    name: _name,
    message: _message,
    stack: _stack,
    cause: _cause,
    ...members
  } = error as AsynczError & {
    readonly cause?: unknown;
  };
  const written = toJsonValue(members, LONGEST_MEMBERS) as Problem['members'];
  return written !== undefined && '$omitted' in written ? {} : written;
}
