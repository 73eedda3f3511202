import {
  Controller,
  Delete,
  Get,
  Inject,
  Patch,
  Post,
  Put,
  Req,
  Res,
  UseFilters,
  UseGuards,
  VERSION_NEUTRAL,
} from '@nestjs/common';
import type { OnModuleDestroy, Type } from '@nestjs/common';
import type { AsynczOperations, OperationName } from '../client/operations.js';
import type { CallOptions } from '../client/operation.inputs.js';
import { OPERATION_NAMES, ROUTES } from '../client/routes.js';
import { LocalOperations } from '../operations/local.operations.js';
import type { AnyScheduler } from '../operations/operations.base.js';
import { identityOf, RoleGuard } from './api.guard.js';
import { EventStreams } from './event.streams.js';
import { HttpExchange } from './http.exchange.js';
import { openApiDocument } from './openapi/document.js';
import { markOperation } from './operation.metadata.js';
import { ProblemFilter } from './problem.filter.js';
import { inputOf } from './request.input.js';

/** The longest wait of one request, in milliseconds: proxies cut longer ones off. */
const MAX_WAIT_MS = 300_000;

const METHODS = { GET: Get, POST: Post, PUT: Put, PATCH: Patch, DELETE: Delete };

type Operation = (input: object, options: CallOptions) => unknown;

/** What a route does, as a method of the controller. */
type RouteMethod = (
  this: { readonly scheduler: AnyScheduler; readonly streams: EventStreams },
  request: object,
  response: object,
) => Promise<void>;

/**
 * The controller of the API: a method for each row of the table of operations. It answers by itself, so that interceptors and pipes of
 * the application, which are for its own answers, leave these as they are.
 *
 * @param schedulerToken What the scheduler is injected by.
 */
export function createController(path: string, schedulerToken: string): Type {
  // Under every version of the application.
  @Controller({ path, version: VERSION_NEUTRAL })
  @UseGuards(RoleGuard)
  @UseFilters(ProblemFilter)
  class AsynczApiController implements OnModuleDestroy {
    readonly streams = new EventStreams();

    constructor(@Inject(schedulerToken) readonly scheduler: AnyScheduler) {}

    onModuleDestroy(): void {
      this.streams.end();
    }
  }
  for (const name of OPERATION_NAMES) {
    addRoute(AsynczApiController, name, METHODS[ROUTES[name].method](ROUTES[name].path), methodOf(name));
    markOperation((AsynczApiController.prototype as unknown as Record<string, object>)[name]!, {
      name,
      role: ROUTES[name].role,
    });
  }
  addRoute(AsynczApiController, 'openApi', Get('openapi.json'), async (request, response) =>
    new HttpExchange(request, response).answer(200, openApiDocument()),
  );
  markOperation((AsynczApiController.prototype as unknown as Record<string, object>).openApi!, {
    name: 'openApi',
    role: 'viewer',
  });
  return AsynczApiController;
}

/** The same as decorators on a method. */
function addRoute(controller: Type, name: string, route: MethodDecorator, method: RouteMethod): void {
  const { prototype } = controller as { readonly prototype: object };
  Object.defineProperty(prototype, name, { value: method, writable: true, configurable: true });
  Req()(prototype, name, 0);
  Res()(prototype, name, 1);
  Reflect.defineMetadata('design:paramtypes', [Object, Object], prototype, name);
  route(prototype, name, Object.getOwnPropertyDescriptor(prototype, name)!);
}

function methodOf(name: OperationName): RouteMethod {
  const { answer } = ROUTES[name];
  return async function (this, request, response) {
    const exchange = new HttpExchange(request, response);
    const input = inputOf(name, exchange);
    const operations: AsynczOperations = new LocalOperations(this.scheduler, {
      actor: identityOf(request).actor,
      maxWait: MAX_WAIT_MS,
    });
    const call = (operations[name] as Operation).bind(operations);
    if (answer === 'events') {
      const open = (signal: AbortSignal) => call(input, { signal }) as ReturnType<AsynczOperations['streamEvents']>;
      return this.streams.begin(exchange, open);
    }
    const gone = new AbortController();
    exchange.onClose(() => gone.abort());
    const result = await call(input, { signal: gone.signal });
    if (exchange.isOver) return;
    const status = result === undefined ? 204 : name === 'addTask' ? 201 : 200;
    exchange.answer(status, result, isTask(result) ? { ETag: `"${result.version}"` } : {});
  };
}

/** Whether a result is a task: its version is its ETag. */
function isTask(result: unknown): result is { readonly version: number } {
  const { version, handler } = (result ?? {}) as { readonly version?: unknown; readonly handler?: unknown };
  return typeof version === 'number' && typeof handler === 'string';
}
