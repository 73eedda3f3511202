import type { AddressInfo } from 'node:net';
import type { Server } from 'node:http';
import { Injectable, Module } from '@nestjs/common';
import type { CallHandler, CanActivate, ExecutionContext, NestInterceptor, Type } from '@nestjs/common';
import { APP_INTERCEPTOR, NestFactory } from '@nestjs/core';
import type { AbstractHttpAdapter } from '@nestjs/core';
import { ExpressAdapter } from '@nestjs/platform-express';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import { Counter, Registry } from 'prom-client';
import { map } from 'rxjs';
import { describe, expect, it } from 'vitest';
import { AsynczModule, MemoryStore, Scheduler, SchedulerService, TaskHandler } from 'nestjs-asyncz';
import { AsynczPrometheusModule, registerMetrics } from 'nestjs-asyncz/prometheus';
import type { AsynczPrometheusOptions } from 'nestjs-asyncz/prometheus';
import { METRIC_NAMES, prometheusName } from '../../lib/observe/meter/metric.table.js';
import { parseExposition } from '../support/exposition.js';
import { closeAfterTest } from './nest.application.js';

@Injectable()
class Work {
  @TaskHandler('work')
  work() {}
}

/** What many applications do with every answer. */
@Injectable()
class WrapAll implements NestInterceptor {
  intercept(_context: ExecutionContext, next: CallHandler) {
    return next.handle().pipe(map((data: unknown) => ({ data })));
  }
}

/** A store that does not answer what monitoring asks, from some moment on. */
class Hanging extends MemoryStore {
  hangs = false;
  override getNextRunTime(): number | null {
    return this.hangs ? (new Promise(() => {}) as never) : super.getNextRunTime();
  }
}

const ADAPTERS: readonly (readonly [string, () => AbstractHttpAdapter])[] = [
  ['Express', () => new ExpressAdapter()],
  ['Fastify', () => new FastifyAdapter() as unknown as AbstractHttpAdapter],
];

async function serve(
  adapter: AbstractHttpAdapter,
  options: AsynczPrometheusOptions = {},
  { store = new MemoryStore(), modules = [] as unknown[] } = {},
) {
  @Module({
    imports: [
      AsynczPrometheusModule.forRoot(options),
      AsynczModule.forRoot({ stores: { default: store } }),
      ...(modules as Type[]),
    ],
    providers: [Work, { provide: APP_INTERCEPTOR, useClass: WrapAll }],
  })
  class AppModule {}
  const app = await NestFactory.create(AppModule, adapter, { logger: false });
  app.setGlobalPrefix('api');
  closeAfterTest(app);
  await app.listen(0, '127.0.0.1');
  const { port } = (app.getHttpServer() as Server).address() as AddressInfo;
  const get = (path: string, headers: Record<string, string> = {}) =>
    fetch(`http://127.0.0.1:${port}/api/${path}`, { headers });
  return { get, scheduler: app.get(SchedulerService) };
}

describe.each(ADAPTERS)('the endpoint for Prometheus, on %s', (_, adapterOf) => {
  it('shows every metric, in a form that Prometheus reads', async () => {
    const { get, scheduler } = await serve(adapterOf());
    const task = await scheduler.addTask({ handler: 'work', trigger: { type: 'interval', hours: 1 } });
    await scheduler.runTask(task.id, { wait: true });
    const response = await get('metrics');
    expect(response.status).toBe(200);
    expect(response.headers.get('content-type')).toBe('text/plain; version=0.0.4; charset=utf-8');
    const families = parseExposition(await response.text());
    expect([...families.keys()]).toEqual(METRIC_NAMES.map(prometheusName));
    const valueOf = (family: string, name: string, labels: Record<string, string> = {}) =>
      families
        .get(family)!
        .samples.find(
          (sample) => sample.name === name && Object.entries(labels).every(([k, v]) => sample.labels[k] === v),
        )?.value;
    const ended = { scheduler: 'default', store: 'default', handler: 'work', status: 'succeeded' };
    expect(valueOf('asyncz_run_ended_total', 'asyncz_run_ended_total', ended)).toBe(1);
    expect(valueOf('asyncz_run_duration_seconds', 'asyncz_run_duration_seconds_count', ended)).toBe(1);
    expect(valueOf('asyncz_run_duration_seconds', 'asyncz_run_duration_seconds_bucket', { ...ended, le: '+Inf' })).toBe(
      1,
    );
    expect(valueOf('asyncz_store_up', 'asyncz_store_up')).toBe(1);
    expect(valueOf('asyncz_task_due', 'asyncz_task_due')).toBe(0);
  });

  it('answers in time while the store does not', async () => {
    const store = new Hanging();
    const { get } = await serve(adapterOf(), {}, { store });
    store.hangs = true;
    const since = process.hrtime.bigint();
    const families = parseExposition(await (await get('metrics')).text());
    expect(Number(process.hrtime.bigint() - since) / 1e6).toBeLessThan(4_000);
    expect(families.get('asyncz_store_up')!.samples).toMatchObject([{ value: 0 }]);
    expect(families.get('asyncz_task_due')!.samples).toEqual([]);
    expect(families.get('asyncz_run_active')!.samples).toMatchObject([{ value: 0 }]);
  });

  it('refuses whom its guard refuses', async () => {
    @Injectable()
    class TokenGuard implements CanActivate {
      canActivate(context: ExecutionContext): boolean {
        const { headers } = context.switchToHttp().getRequest<{ headers: Record<string, string> }>();
        return headers.authorization === 'Bearer secret';
      }
    }
    const { get } = await serve(adapterOf(), { guards: [TokenGuard] });
    expect((await get('metrics')).status).toBe(403);
    expect((await get('metrics', { authorization: 'Bearer secret' })).status).toBe(200);
  });

  it('shows what else is in the registry that it is given, under the path that it is given', async () => {
    const registry = new Registry();
    const own = new Counter({ name: 'orders_total', help: 'Orders.', registers: [registry] });
    own.inc(3);
    const { get } = await serve(adapterOf(), { registry, path: 'internal/metrics' });
    expect((await get('metrics')).status).toBe(404);
    const families = parseExposition(await (await get('internal/metrics')).text());
    expect(families.get('orders_total')!.samples).toEqual([{ name: 'orders_total', labels: {}, value: 3 }]);
    expect(families.has('asyncz_run_ended_total')).toBe(true);
  });
});

describe('the metrics in a registry of prom-client', () => {
  it('are those of all schedulers of the application, told apart by their names', async () => {
    const { get } = await serve(new ExpressAdapter(), {}, { modules: [AsynczModule.forRoot({ name: 'billing' })] });
    const families = parseExposition(await (await get('metrics')).text());
    const names = families.get('asyncz_store_up')!.samples.map(({ labels }) => labels.scheduler);
    expect(new Set(names)).toEqual(new Set(['billing', 'default']));
  });

  it('are there without an endpoint, too', async () => {
    const registry = new Registry();
    const { get } = await serve(new ExpressAdapter(), { registry, path: false });
    expect((await get('metrics')).status).toBe(404);
    expect(parseExposition(await registry.metrics()).get('asyncz_store_up')!.samples).toHaveLength(1);
  });

  it('are there without NestJS, also in the form of OpenMetrics', async () => {
    const registry = new Registry();
    registry.setContentType(Registry.OPENMETRICS_CONTENT_TYPE as never);
    const scheduler = new Scheduler();
    registerMetrics([scheduler], registry);
    await scheduler.start();
    const text = await registry.metrics();
    await scheduler.shutdown();
    expect(text).toContain('# TYPE asyncz_event_dropped counter\nasyncz_event_dropped_total{scheduler="default"} 0');
    expect(text.endsWith('# EOF\n')).toBe(true);
    expect(text).not.toContain('_total_total');
  });

  it('refuse options that there are none of', () => {
    expect(() => AsynczPrometheusModule.forRoot({ url: 'x' } as never)).toThrow(/url/);
    expect(() => AsynczPrometheusModule.forRoot({ path: '' })).toThrow(/path/);
    expect(() => AsynczPrometheusModule.forRoot({ registry: {} as never })).toThrow(/Registry of prom-client/);
    expect(() => AsynczPrometheusModule.forRoot({ guards: 'all' as never })).toThrow(/guards/);
  });
});
