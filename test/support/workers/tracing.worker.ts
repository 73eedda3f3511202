import { context, trace } from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import type { TaskContext } from 'nestjs-asyncz';

// As an application does that traces in its workers, too.
context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());

/** What its own spans would be below, and what it may pass on. */
export async function whereAmI(run: TaskContext) {
  const here = trace.getSpanContext(context.active());
  await run.step('far', () => 'done');
  return { traceId: here?.traceId, spanId: here?.spanId, traceparent: run.traceparent, pid: process.pid };
}
