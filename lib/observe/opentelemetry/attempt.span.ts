import { context, ROOT_CONTEXT, trace } from '@opentelemetry/api';
import type { Context, Span, Tracer } from '@opentelemetry/api';
import type { RunStatus } from '../../model/run.js';
import type { RunSpan } from '../meter/tracing.js';
import { failed } from './span.errors.js';
import { traceparentOf } from './trace.parent.js';

/** The span of one attempt. */
export class AttemptSpan implements RunSpan {
  /** Nothing of what the loop was started within is part of a run. */
  readonly #context: Context;

  constructor(
    private readonly tracer: Tracer,
    private readonly span: Span,
  ) {
    this.#context = trace.setSpan(ROOT_CONTEXT, span);
  }

  get traceparent(): string | null {
    return traceparentOf(this.span) ?? null;
  }

  call<T>(work: () => T): T {
    return context.with(this.#context, work);
  }

  async step<T>(name: string, work: () => Promise<T>): Promise<T> {
    const span = this.tracer.startSpan(`step ${name}`, { attributes: { 'asyncz.step.name': name } }, this.#parent());
    try {
      return await context.with(trace.setSpan(this.#parent(), span), work);
    } catch (error) {
      failed(span, error);
      throw error;
    } finally {
      span.end();
    }
  }

  end(status: RunStatus | 'suspended', error: unknown): void {
    this.span.setAttribute('asyncz.run.status', status);
    if (status === 'failed') failed(this.span, error);
    this.span.end();
  }

  /** What the handler is in now, if that is a part of this run: a step that was asked for from another process is in nothing. */
  #parent(): Context {
    const active = context.active();
    const isOwn = trace.getSpan(active)?.spanContext().traceId === this.span.spanContext().traceId;
    return isOwn ? active : this.#context;
  }
}
