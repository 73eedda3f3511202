import { context, ProxyTracerProvider, SpanKind, trace } from '@opentelemetry/api';
import type { Attributes, Span } from '@opentelemetry/api';
import type { InstrumentedScheduler } from '../meter/observation.js';
import type { RunSpan, TracedAdd, TracedRun, Tracing } from '../meter/tracing.js';
import { AttemptSpan } from './attempt.span.js';
import { SCOPE } from './scope.js';
import { failed } from './span.errors.js';
import { spanContextOf, traceparentOf } from './trace.parent.js';

/** What there is while no SDK is registered. */
const NOBODY = new ProxyTracerProvider().getDelegate();

/** The span of a run that nobody looks at. */
const NO_SPAN: RunSpan = {
  traceparent: null,
  call: (work) => work(),
  step: (_name, work) => work(),
  end: () => {},
};

/**
 * Spans of adds and of attempts, after the conventions of OpenTelemetry for messaging: an add is the producer's, an attempt the
 * consumer's. An attempt begins a trace of its own, with a link to the add: it may come days later, again and again, and another
 * node may sample otherwise. See docs/adr/0112.
 */
export class SpanTracing implements Tracing {
  readonly #tracer = trace.getTracer(...SCOPE);
  readonly #common: Attributes;

  constructor({ name, identity }: Pick<InstrumentedScheduler, 'name' | 'identity'>) {
    this.#common = {
      'messaging.system': 'asyncz',
      'messaging.client.id': identity,
      'asyncz.scheduler': name,
    };
  }

  async add<T>(what: TracedAdd, work: () => Promise<T>, idOf?: (added: T) => string): Promise<T> {
    if (!isRegistered()) return work();
    const { operation, handler, taskId, store, count } = what;
    const name = handler?.slice(0, 255);
    const span = this.#tracer.startSpan(name === undefined ? 'add' : `add ${name}`, {
      kind: SpanKind.PRODUCER,
      attributes: {
        ...this.#common,
        'messaging.operation.name': operation,
        'messaging.operation.type': 'send',
        ...(name !== undefined && { 'messaging.destination.name': name }),
        ...(taskId !== null && { 'messaging.message.id': taskId }),
        ...(operation === 'addTasks' && { 'messaging.batch.message_count': count }),
        ...(store !== null && { 'asyncz.store': store }),
      },
    });
    try {
      const added = await context.with(trace.setSpan(context.active(), span), work);
      if (idOf) span.setAttribute('messaging.message.id', idOf(added));
      return added;
    } catch (error) {
      failed(span, error);
      throw error;
    } finally {
      span.end();
    }
  }

  carried(): string | undefined {
    return isRegistered() ? traceparentOf(trace.getSpan(context.active())) : undefined;
  }

  run(run: TracedRun): RunSpan {
    if (!isRegistered()) return NO_SPAN;
    return new AttemptSpan(this.#tracer, this.#begun(run));
  }

  #begun({ taskId, runId, handler, store, source, attempt, scheduledTime, addedUnder }: TracedRun): Span {
    const added = addedUnder === undefined ? null : spanContextOf(addedUnder);
    return this.#tracer.startSpan(`run ${handler}`, {
      kind: SpanKind.CONSUMER,
      // The loop may have been started within whatever span.
      root: true,
      ...(added && { links: [{ context: added }] }),
      attributes: {
        ...this.#common,
        'messaging.operation.name': 'run',
        'messaging.operation.type': 'process',
        'messaging.destination.name': handler,
        'messaging.message.id': taskId,
        'asyncz.store': store,
        'asyncz.run.id': runId,
        'asyncz.run.attempt': attempt,
        'asyncz.run.source': source,
        'asyncz.run.scheduled_time': new Date(scheduledTime).toISOString(),
      },
    });
  }
}

/** Whether anybody has registered an SDK for traces: it may come at any time. */
function isRegistered(): boolean {
  const provider = trace.getTracerProvider();
  return !(provider instanceof ProxyTracerProvider) || provider.getDelegate() !== NOBODY;
}
