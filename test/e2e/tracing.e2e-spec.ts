import { mkdtemp, rm } from 'node:fs/promises';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Controller, Inject, Module, Post } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { context, SpanKind, SpanStatusCode, trace } from '@opentelemetry/api';
import type { Attributes, SpanContext } from '@opentelemetry/api';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { AsynczModule, MemoryStore, Scheduler, SchedulerService, TaskContext } from 'nestjs-asyncz';
import type { Handler } from 'nestjs-asyncz';
import { openTelemetry } from 'nestjs-asyncz/opentelemetry';
import { builtLibrary } from '../support/built-library.js';
import { nextEvent } from '../support/events.js';
import { PrintingProcess } from '../support/printing.process.js';
import { recordSpans } from '../support/tracing.js';
import { workerModule } from '../support/worker.modules.js';
import { boot, closeAfterTest } from './nest.application.js';

vi.mock('../../lib/executors/pool/worker.file.js', async () => {
  const { builtWorkerFile } = await import('../support/worker.modules.js');
  return builtWorkerFile();
});

/** A span that another process has printed. */
interface PrintedSpan {
  readonly name: string;
  readonly kind: SpanKind;
  readonly attributes: Attributes;
  readonly links: readonly SpanContext[];
  readonly own: SpanContext;
  readonly parent: SpanContext | null;
}

async function start(handlers: Record<string, Handler>, instrumentations = [openTelemetry()]) {
  const scheduler = new Scheduler({ instrumentations });
  for (const [name, handler] of Object.entries(handlers)) scheduler.registerHandler(name, handler);
  onTestFinished(() => scheduler.shutdown(0));
  await scheduler.start();
  return scheduler;
}

describe('traces', () => {
  it('link a run on another process to the request that has added its task', async () => {
    const spans = recordSpans();
    const directory = await mkdtemp(join(tmpdir(), 'asyncz-tracing-'));
    onTestFinished(() => rm(directory, { recursive: true, force: true }));

    @Controller()
    class Reports {
      constructor(@Inject(SchedulerService) private readonly scheduler: SchedulerService) {}
      @Post('reports')
      async request() {
        // What the instrumentation of HTTP does with a request.
        const span = trace.getTracer('http').startSpan('POST /reports', { kind: SpanKind.SERVER });
        const add = () => this.scheduler.addTask({ id: 'report-1', handler: 'reports.generate' });
        await context.with(trace.setSpan(context.active(), span), add);
        span.end();
      }
    }
    @Module({
      imports: [
        AsynczModule.forRoot({
          role: 'client',
          stores: { default: { type: 'file', directory } },
          instrumentations: [openTelemetry()],
        }),
      ],
      controllers: [Reports],
    })
    class AppModule {}
    const app = await NestFactory.create(AppModule, { logger: false });
    closeAfterTest(app);
    await app.listen(0, '127.0.0.1');
    const { port } = (app.getHttpServer() as Server).address() as AddressInfo;

    const script = fileURLToPath(new URL('../support/tracing.process.mjs', import.meta.url));
    const worker = new PrintingProcess(process.execPath, [script, await builtLibrary(), directory], { cwd: directory });
    await worker.line(/^ready$/);
    expect((await fetch(`http://127.0.0.1:${port}/reports`, { method: 'POST' })).status).toBe(201);
    await worker.line(/^span .*"name":"run reports\.generate"/, { from: 0 });

    const [add, request] = spans();
    expect(add).toMatchObject({
      name: 'add reports.generate',
      kind: SpanKind.PRODUCER,
      attributes: {
        'messaging.system': 'asyncz',
        'messaging.operation.type': 'send',
        'messaging.operation.name': 'addTask',
        'messaging.destination.name': 'reports.generate',
        'messaging.message.id': 'report-1',
        'asyncz.store': 'default',
      },
    });
    expect(add!.parentSpanContext).toMatchObject({ spanId: request!.spanContext().spanId });

    const printed = worker.lines
      .filter((line) => line.startsWith('span '))
      .map((line) => JSON.parse(line.slice(5)) as PrintedSpan);
    const run = printed.find(({ name }) => name === 'run reports.generate')!;
    const { traceId, spanId } = add!.spanContext();
    expect(run.links).toMatchObject([{ traceId, spanId, isRemote: true }]);
    // A trace of its own: linked, and not a child.
    expect(run.parent).toBeNull();
    expect(run.own.traceId).not.toBe(traceId);
    expect(run.kind).toBe(SpanKind.CONSUMER);
    expect(run.attributes).toMatchObject({
      'messaging.system': 'asyncz',
      'messaging.operation.type': 'process',
      'messaging.destination.name': 'reports.generate',
      'messaging.message.id': 'report-1',
      'asyncz.run.attempt': 1,
      'asyncz.run.source': 'schedule',
      'asyncz.run.status': 'succeeded',
    });
    for (const name of ['query', 'step charge']) {
      expect(printed.find((one) => one.name === name)!.parent, name).toMatchObject(run.own);
    }
  });

  it('have a span for each attempt, with what the handler has thrown', async () => {
    const spans = recordSpans();
    const scheduler = await start({
      fail: () => {
        throw Object.assign(new Error('broken'), { code: 'E_BROKEN' });
      },
    });
    const dead = nextEvent(scheduler, 'run.failed', ({ willRetry }) => !willRetry);
    await scheduler.addTask({ handler: 'fail', retry: { attempts: 2, delay: '10ms' } });
    await dead;
    const runs = spans().filter(({ name }) => name === 'run fail');
    expect(runs.map(({ attributes }) => attributes['asyncz.run.attempt'])).toEqual([1, 2]);
    for (const { status, attributes, events, links } of runs) {
      expect(status).toMatchObject({ code: SpanStatusCode.ERROR });
      expect(attributes).toMatchObject({ 'error.type': 'E_BROKEN', 'asyncz.run.status': 'failed' });
      expect(events[0]).toMatchObject({ name: 'exception', attributes: { 'exception.message': 'broken' } });
      expect(links).toHaveLength(1);
    }
  });

  it('do not take a run that is put off for one that has failed', async () => {
    const spans = recordSpans();
    const scheduler = await start({ nap: (_args, run) => run.sleep('20ms') });
    const done = nextEvent(scheduler, 'run.succeeded');
    await scheduler.addTask({ handler: 'nap' });
    await done;
    const runs = spans().filter(({ name }) => name === 'run nap');
    expect(runs.map(({ attributes }) => attributes['asyncz.run.status'])).toEqual(['suspended', 'succeeded']);
    expect(runs.map(({ status }) => status.code)).toEqual([SpanStatusCode.UNSET, SpanStatusCode.UNSET]);
  });

  it('are active in the handler, in what the handler calls, and nowhere else', async () => {
    const spans = recordSpans();
    const seen: (string | undefined)[] = [];
    const look = () => seen.push(trace.getSpanContext(context.active())?.spanId);
    const scheduler = await start({
      look: async (_args, run) => {
        look();
        await new Promise(setImmediate);
        look();
        await run.step('one', look);
        expect(TaskContext.current()!.traceparent).toMatch(/^00-[0-9a-f]{32}-[0-9a-f]{16}-01$/);
      },
    });
    const outer = trace.getTracer('test').startSpan('outer');
    const done = nextEvent(scheduler, 'run.succeeded');
    // The loop is woken by this, within the span.
    await context.with(trace.setSpan(context.active(), outer), () => scheduler.addTask({ handler: 'look' }));
    await done;
    const idOf = (name: string) =>
      spans()
        .find((span) => span.name === name)!
        .spanContext().spanId;
    expect(seen).toEqual([idOf('run look'), idOf('run look'), idOf('step one')]);
    expect(spans().find(({ name }) => name === 'run look')!.parentSpanContext).toBeUndefined();
    look();
    expect(seen.at(-1)).toBeUndefined();
  });

  it('have one span for many tasks, to which all their runs are linked, and one for an upsert', async () => {
    const spans = recordSpans();
    const scheduler = await start({ work: () => {} });
    await scheduler.addTasks([{ handler: 'work' }, { handler: 'work' }]);
    await vi.waitUntil(() => spans().filter(({ name }) => name === 'run work').length === 2);
    const add = spans().find(({ name }) => name === 'add')!;
    expect(add.attributes).toMatchObject({
      'messaging.operation.name': 'addTasks',
      'messaging.batch.message_count': 2,
    });
    for (const { links } of spans().filter(({ name }) => name === 'run work')) {
      expect(links[0]!.context.spanId).toBe(add.spanContext().spanId);
    }
    await scheduler.upsertTask({ id: 'hourly', handler: 'work', trigger: { type: 'interval', hours: 1 } });
    expect(spans().at(-1)!.attributes).toMatchObject({ 'messaging.operation.name': 'upsertTask' });
  });

  it('change nothing about a task that is there as it is given', async () => {
    recordSpans();
    const store = new MemoryStore();
    const scheduler = new Scheduler({ stores: { default: store }, instrumentations: [openTelemetry()] });
    scheduler.registerHandler('work', () => {});
    onTestFinished(() => scheduler.shutdown(0));
    await scheduler.start();
    const task = { id: 'hourly', handler: 'work', trigger: { type: 'interval', hours: 1 } } as const;
    await scheduler.upsertTask(task);
    const before = store.lookupTask('hourly');
    await scheduler.upsertTask(task);
    expect(store.lookupTask('hourly')).toEqual(before);
  });

  it('tell what an add was refused for', async () => {
    const spans = recordSpans();
    const scheduler = await start({ work: () => {} });
    await expect(scheduler.addTask({ handler: 'none' })).rejects.toThrow(/none/);
    expect(spans()[0]).toMatchObject({
      name: 'add none',
      status: { code: SpanStatusCode.ERROR },
      attributes: { 'error.type': 'ASYNCZ_UNKNOWN_HANDLER' },
    });
    await expect(scheduler.addTask(null as never)).rejects.toThrow();
    await expect(scheduler.addTasks('all' as never)).rejects.toThrow();
  });

  it('put nothing into a task where no SDK is registered, or nobody has asked for them', async () => {
    const definitionOf = async (instrumentations: ReturnType<typeof openTelemetry>[]) => {
      const store = new MemoryStore();
      const scheduler = new Scheduler({ stores: { default: store }, instrumentations });
      scheduler.registerHandler('work', (_args, run) => run.traceparent);
      onTestFinished(() => scheduler.shutdown(0));
      await scheduler.start();
      const { id } = await scheduler.addTask({ handler: 'work', trigger: { type: 'interval', hours: 1 } });
      expect((await scheduler.runTask(id, { wait: true })).result).toBeNull();
      const found = (await store.lookupTask(id)) as { definition: object };
      return found.definition;
    };
    expect(await definitionOf([openTelemetry()])).not.toHaveProperty('trace');
    recordSpans();
    expect(await definitionOf([])).not.toHaveProperty('trace');
    expect(await definitionOf([openTelemetry({ traces: false })])).not.toHaveProperty('trace');
  });

  it('are not led astray by what somebody wrote into the store', async () => {
    const spans = recordSpans();
    const store = new MemoryStore();
    const scheduler = new Scheduler({
      stores: { default: store },
      instrumentations: [openTelemetry()],
      startPaused: true,
    });
    scheduler.registerHandler('work', () => {});
    onTestFinished(() => scheduler.shutdown(0));
    await scheduler.start();
    const { id } = await scheduler.addTask({ handler: 'work' });
    await store.transact({ ids: [id] }, (task) => ({
      task: { ...task, definition: { ...task.definition, trace: 'x'.repeat(100) } },
      value: null,
    }));
    const done = nextEvent(scheduler, 'run.succeeded');
    scheduler.resume();
    await done;
    expect(spans().find(({ name }) => name === 'run work')!.links).toEqual([]);
  });

  const module = () => workerModule('tracing');
  it.each(['worker', 'process'] as const)('go on in the handlers of an executor of type %s', async (type) => {
    const spans = recordSpans();
    const { scheduler } = await boot([], {
      executors: { cpu: { type, module: await module() } },
      instrumentations: [openTelemetry()],
    });
    const { id } = await scheduler.addTask({
      handler: 'whereAmI',
      executor: 'cpu',
      trigger: { type: 'interval', hours: 1 },
    });
    const { result } = await scheduler.runTask(id, { wait: true, timeout: '90s' });
    const run = spans().find(({ name }) => name === 'run whereAmI')!;
    const { traceId, spanId } = run.spanContext();
    expect(result).toMatchObject({ traceId, spanId, traceparent: `00-${traceId}-${spanId}-01` });
    const step = spans().find(({ name }) => name === 'step far')!;
    expect(step.parentSpanContext).toMatchObject({ traceId, spanId });
  });

  it('refuse options that there are none of', () => {
    expect(() => openTelemetry({ trace: true } as never)).toThrow(/trace/);
    expect(() => openTelemetry({ metrics: 'yes' as never })).toThrow(/metrics/);
  });
});
