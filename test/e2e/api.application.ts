import type { AddressInfo } from 'node:net';
import type { Server } from 'node:http';
import { Module, VersioningType } from '@nestjs/common';
import type { DynamicModule, INestApplication, Provider } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { ExpressAdapter } from '@nestjs/platform-express';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { AsynczModule, SchedulerService, TaskHandler } from 'nestjs-asyncz';
import type { AsynczModuleOptions } from 'nestjs-asyncz';
import { AsynczApiModule } from 'nestjs-asyncz/api';
import type { ApiAuth, ApiToken } from 'nestjs-asyncz/api';
import { AsynczClient } from 'nestjs-asyncz/client';
import type { Role } from 'nestjs-asyncz/client';
import { closeAfterTest } from './nest.application.js';

export const PLATFORMS = ['express', 'fastify'] as const;
export type Platform = (typeof PLATFORMS)[number];

export const tokenOf = (role: Role) => `a token of the role ${role} `.padEnd(40, '-').replaceAll(' ', '_');

export const TOKENS: readonly ApiToken[] = (['viewer', 'operator', 'admin'] as const).map((role) => ({
  token: tokenOf(role),
  role,
  actor: `the ${role}`,
}));

export class Work {
  readonly seen: unknown[][] = [];
  isBroken = false;

  @TaskHandler('work')
  work(...args: unknown[]): unknown {
    this.seen.push(args.slice(0, -1));
    if (this.isBroken) throw new Error('broken');
    return new Map([['n', 1n]]);
  }
}

interface ApiApplicationOptions {
  readonly auth?: ApiAuth;
  readonly asyncz?: AsynczModuleOptions;
  readonly modules?: DynamicModule[];
  readonly providers?: Provider[];
  readonly setUp?: (app: INestApplication) => void;
  /** Before the path of the module. */
  readonly prefix?: string;
}

export const VERSIONED = {
  prefix: '/internal',
  setUp: (app: INestApplication) => {
    app.setGlobalPrefix('internal');
    app.enableVersioning({ type: VersioningType.URI, defaultVersion: '1' });
  },
};

/** An application with the module of the API that listens, and clients for it. */
export async function serve(platform: Platform, options: ApiApplicationOptions = {}) {
  const { auth = { tokens: TOKENS }, asyncz = {}, modules = [], providers = [], prefix = '', setUp } = options;
  @Module({
    imports: [AsynczModule.forRoot(asyncz), AsynczApiModule.forRoot({ auth }), ...modules],
    providers: [Work, ...providers],
  })
  class AppModule {}
  const adapter = platform === 'fastify' ? new FastifyAdapter() : new ExpressAdapter();
  const app = await NestFactory.create<NestFastifyApplication>(AppModule, adapter as never, { logger: false });
  closeAfterTest(app);
  setUp?.(app);
  await app.listen(0, '127.0.0.1');
  const { port } = (app.getHttpServer() as unknown as Server).address() as AddressInfo;
  const url = `http://127.0.0.1:${port}${prefix}/asyncz`;
  const scheduler = app.get(SchedulerService, { strict: false });
  return {
    app,
    url,
    scheduler,
    work: app.get(Work),
    clientOf: (role: Role) => new AsynczClient({ url, token: tokenOf(role) }),
    request: (
      method: string,
      path: string,
      init: { body?: string; headers?: Record<string, string>; role?: Role | null } = {},
    ) => {
      const { body, headers = {}, role = 'admin' } = init;
      return fetch(url + path, {
        method,
        headers: {
          ...(body !== undefined && { 'content-type': 'application/json' }),
          ...(role !== null && { authorization: `Bearer ${tokenOf(role)}` }),
          ...headers,
        },
        ...(body !== undefined && { body }),
      });
    },
  };
}
