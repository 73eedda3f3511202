import type { AddressInfo } from 'node:net';
import type { Server } from 'node:http';
import { Controller, Get, Inject, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { HealthCheck, HealthCheckService, TerminusModule } from '@nestjs/terminus';
import { describe, expect, it } from 'vitest';
import { AsynczModule, MemoryStore, SchedulerService } from 'nestjs-asyncz';
import { AsynczHealthIndicator } from 'nestjs-asyncz/terminus';
import { until } from '../../lib/testing/until.js';
import { closeAfterTest } from './nest.application.js';

@Controller('health')
class HealthController {
  constructor(
    @Inject(HealthCheckService) private readonly health: HealthCheckService,
    @Inject(AsynczHealthIndicator) private readonly asyncz: AsynczHealthIndicator,
  ) {}
  @Get('live')
  @HealthCheck()
  live() {
    return this.health.check([() => this.asyncz.isLive('scheduler')]);
  }
  @Get('ready')
  @HealthCheck()
  ready() {
    return this.health.check([() => this.asyncz.isReady('scheduler')]);
  }
  @Get('all')
  @HealthCheck()
  all() {
    return this.health.check([() => this.asyncz.isHealthy('scheduler', { maxLateness: '1h' })]);
  }
  @Get('unknown')
  @HealthCheck()
  unknown() {
    return this.health.check([() => this.asyncz.isLive('scheduler', { scheduler: 'nobody' })]);
  }
}

class Refusing extends MemoryStore {
  isGone = false;
  override getNextRunTime(): number | null {
    if (this.isGone) throw new Error('connection refused');
    return super.getNextRunTime();
  }
}

async function serve(autoStart = true) {
  const store = new Refusing();
  @Module({
    imports: [
      TerminusModule.forRoot({ logger: false }),
      AsynczModule.forRoot({ stores: { default: store }, autoStart }),
      AsynczModule.forRoot({ name: 'billing' }),
    ],
    controllers: [HealthController],
    providers: [AsynczHealthIndicator],
  })
  class AppModule {}
  const app = await NestFactory.create(AppModule, { logger: false });
  closeAfterTest(app);
  await app.listen(0, '127.0.0.1');
  const { port } = (app.getHttpServer() as Server).address() as AddressInfo;
  const get = async (path: string) => {
    const response = await fetch(`http://127.0.0.1:${port}/health/${path}`);
    const body = (await response.json()) as { details?: { scheduler: Record<string, string> } };
    return { code: response.status, status: '', ...body.details?.scheduler };
  };
  return { get, scheduler: app.get<SchedulerService>(SchedulerService), store };
}

describe('the indicator for terminus', () => {
  it('is up while all is well, with what was looked at of each scheduler', async () => {
    const { get } = await serve();
    for (const path of ['live', 'ready', 'all']) {
      expect(await get(path)).toMatchObject({
        'default.scheduler': 'ok: It runs.',
        'default.store.default': expect.stringMatching(/^ok: /) as string,
        'billing.loop.default': expect.stringMatching(/^ok: /) as string,
      });
    }
    expect((await get('ready')).code).toBe(200);
  });

  it('is live and not ready before the start, while it is drained, and while the store is away', async () => {
    const { get, scheduler, store } = await serve(false);
    const both = async () => [(await get('live')).status, (await get('ready')).status];
    expect(await both()).toEqual(['up', 'down']);
    await scheduler.start();
    expect(await both()).toEqual(['up', 'up']);
    await scheduler.drainScheduler(scheduler.identity, { wait: true });
    expect(await both()).toEqual(['up', 'down']);
    await scheduler.undrainScheduler(scheduler.identity);
    await until(async () => (await get('ready')).status === 'up');
    store.isGone = true;
    // The answer of before is good for five seconds.
    await until(async () => (await get('ready')).status === 'down');
    expect((await get('live')).status).toBe('up');
    expect(await get('all')).toMatchObject({ code: 503, status: 'down' });
  });

  it('says which schedulers there are when it is asked for another one', async () => {
    const { get } = await serve();
    expect((await get('unknown')).code).toBe(500);
  });
});
