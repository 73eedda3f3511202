// A worker of its own process that traces: prints its spans as they end, a line each. Arguments: the built library, the folder of tasks.
import { context, trace } from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import { BasicTracerProvider } from '@opentelemetry/sdk-trace-base';

const [, , library, directory] = process.argv;
const print = (span) => {
  const { name, kind, attributes, links, parentSpanContext } = span;
  const told = { name, kind, attributes, links: links.map((link) => link.context), own: span.spanContext() };
  console.log(`span ${JSON.stringify({ ...told, parent: parentSpanContext ?? null })}`);
};
const processor = { onStart() {}, onEnd: print, forceFlush: async () => {}, shutdown: async () => {} };
trace.setGlobalTracerProvider(new BasicTracerProvider({ spanProcessors: [processor] }));
context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());

const { Scheduler } = await import(`${library}/scheduler/scheduler.js`);
const { FileStore } = await import(`${library}/stores/file/file.store.js`);
const { openTelemetry } = await import(`${library}/observe/opentelemetry/index.js`);
const scheduler = new Scheduler({
  stores: { default: new FileStore({ directory }) },
  instrumentations: [openTelemetry()],
});
scheduler.registerHandler('reports.generate', async (_args, run) => {
  trace.getTracer('application').startSpan('query').end();
  await run.step('charge', () => 'paid');
});
await scheduler.start();
console.log('ready');
