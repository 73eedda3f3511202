import { Injectable, Module } from '@nestjs/common';
import type { INestApplicationContext } from '@nestjs/common';
import { Test } from '@nestjs/testing';
import { Redis } from 'ioredis';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { AsynczModule, getStoreToken, SchedulerService, TaskHandler } from 'nestjs-asyncz';
import type { AsynczModuleOptions } from 'nestjs-asyncz';
import { redisStore, RedisStore } from 'nestjs-asyncz/redis';
import { until } from 'nestjs-asyncz/testing';
import { redisUrl } from '../../support/server-urls.js';
import { keysFor, removeNamespace } from './redis.kit.js';

const CLIENT = Symbol('the client of the application');

let client: Redis;
let open: INestApplicationContext[];
let names = 0;
let request: { namespace: string };

beforeEach(() => {
  names += 1;
  request = { namespace: `nest_${process.pid}_${names}` };
  client = new Redis(redisUrl());
  open = [];
});
afterEach(async () => {
  for (const app of open) await app.close();
  await removeNamespace(client, request);
  client.disconnect();
});

const seen: string[] = [];

@Injectable()
class Reports {
  @TaskHandler('reports.generate')
  generate(name: string) {
    seen.push(name);
    return `${name} is done`;
  }
}

@Module({ providers: [{ provide: CLIENT, useFactory: () => client }], exports: [CLIENT] })
class ClientModule {}

async function boot(store: AsynczModuleOptions['stores'], options: Partial<AsynczModuleOptions> = {}) {
  const asyncz = AsynczModule.forRoot({ ...options, stores: store!, imports: [ClientModule] });
  @Module({ imports: [ClientModule, asyncz], providers: [Reports] })
  class AppModule {}
  const testing = Test.createTestingModule({ imports: [AppModule] });
  testing.setLogger({ log() {}, error() {}, warn() {} });
  const app = await testing.compile();
  await app.init();
  open.push(app);
  return { app, scheduler: app.get<SchedulerService>(SchedulerService, { strict: false }) };
}

describe('redisStore in a Nest application', () => {
  it('is made of a type with a client that is at hand, or with an address', async () => {
    for (const way of [{ client }, { url: redisUrl() }]) {
      const { scheduler } = await boot({ default: { type: 'redis', ...way, ...keysFor(request) } });
      const { id } = await scheduler.addTask({
        handler: 'reports.generate',
        args: ['typed'],
        trigger: { type: 'interval', hours: 1 },
      });
      expect(await scheduler.runTask(id, { wait: true })).toMatchObject({ result: 'typed is done' });
    }
    expect(client.status).toBe('ready');
  });

  it("works on the application's client, which it leaves open, and with an application on a connection of its own", async () => {
    const worker = await boot({ cache: redisStore({ useExisting: CLIENT, ...keysFor(request) }) });
    const adding = await boot({ cache: redisStore({ url: redisUrl(), ...keysFor(request) }) }, { role: 'client' });
    expect(worker.app.get(getStoreToken('cache'), { strict: false })).toBeInstanceOf(RedisStore);
    const name = `report of ${request.namespace}`;
    await adding.scheduler.addTask({
      handler: 'reports.generate',
      args: [name],
      trigger: { type: 'date', runAt: new Date() },
      store: 'cache',
    });
    await until(() => seen.includes(name));
    expect(seen.filter((one) => one === name)).toEqual([name]);
    await worker.app.close();
    expect(await client.ping()).toBe('PONG');
  });

  it('fails the start when the server is down, with the store, the address and the reason', async () => {
    await expect(boot({ cache: redisStore({ host: '127.0.0.1', port: 1 }) })).rejects.toThrow(
      'The store "cache" could not be started: Redis at 127.0.0.1:1 cannot be used: connect ECONNREFUSED 127.0.0.1:1',
    );
  });
});
