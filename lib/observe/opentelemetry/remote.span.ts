import { context, ROOT_CONTEXT, trace } from '@opentelemetry/api';
import { spanContextOf } from './trace.parent.js';

/** Calls a function within the span of a run in another thread or process. */
export function withinRemote<T>(traceparent: string, work: () => T): T {
  const span = spanContextOf(traceparent);
  return span === null ? work() : context.with(trace.setSpanContext(ROOT_CONTEXT, span), work);
}
