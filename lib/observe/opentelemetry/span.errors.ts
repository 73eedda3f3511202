import { SpanStatusCode } from '@opentelemetry/api';
import type { Span } from '@opentelemetry/api';
import { describeThrown, headlineOf, stackOf } from '../../errors/thrown.js';

/** A span has failed: with whatever was thrown. */
export function failed(span: Span, thrown: unknown): void {
  const error = describeThrown(thrown);
  const { name, message, code } = error;
  const stack = stackOf(error);
  span.setAttribute('error.type', code ?? name);
  span.recordException({ name, message, ...(stack !== null && { stack }) });
  span.setStatus({ code: SpanStatusCode.ERROR, message: headlineOf(error) });
}
