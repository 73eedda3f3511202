import { Module } from '@nestjs/common';
import type { DynamicModule, Provider } from '@nestjs/common';
import { InvalidOptionError, rejectUnknownOptions } from '../errors/input.errors.js';
import { checkName } from '../errors/option.checks.js';
import { getSchedulerToken } from '../nest/tokens.js';
import { createController } from './api.controller.js';
import { API_AUTH, RoleGuard } from './api.guard.js';
import { API_ASYNC_OPTIONS, API_OPTIONS, checkAuth, checkRuntime } from './api.options.js';
import type { AsynczApiModuleAsyncOptions, AsynczApiModuleOptions } from './api.options.js';

/**
 * The operations over HTTP, on Express and on Fastify. Nobody may call them but who `auth` knows.
 *
 * ```ts
 * @Module({
 *   imports: [
 *     AsynczModule.forRoot(),
 *     AsynczApiModule.forRoot({
 *       auth: { tokens: [{ token: process.env.ASYNCZ_TOKEN!, role: 'operator', actor: 'on-call' }] },
 *     }),
 *   ],
 * })
 * export class AppModule {}
 * ```
 *
 * @publicApi
 */
@Module({})
export class AsynczApiModule {
  /** @throws InvalidOptionError (also without `auth`), UnknownOptionError */
  static forRoot(options: AsynczApiModuleOptions): DynamicModule {
    rejectUnknownOptions('AsynczApiModule.forRoot', options, API_OPTIONS);
    return build(options, { provide: API_AUTH, useValue: checkAuth(options.auth) });
  }

  /** As {@link forRoot}, with `auth` from a factory. @throws InvalidOptionError, UnknownOptionError; also when the application starts. */
  static forRootAsync(options: AsynczApiModuleAsyncOptions): DynamicModule {
    rejectUnknownOptions('AsynczApiModule.forRootAsync', options, API_ASYNC_OPTIONS);
    const { useFactory, inject = [] } = options;
    if (typeof useFactory !== 'function') throw new InvalidOptionError('useFactory', useFactory, 'a function');
    return build(options, {
      provide: API_AUTH,
      useFactory: async (...injected: unknown[]) => checkRuntime(await useFactory(...injected)),
      inject,
    });
  }
}

function build(
  { path = 'asyncz', scheduler, imports = [] }: Pick<AsynczApiModuleAsyncOptions, 'path' | 'scheduler' | 'imports'>,
  auth: Provider,
): DynamicModule {
  const name = scheduler === undefined ? undefined : checkName('scheduler', scheduler);
  return {
    module: AsynczApiModule,
    imports,
    controllers: [createController(checkName('path', path), getSchedulerToken(name))],
    providers: [auth, RoleGuard],
  };
}
