import { rejectUnknownOptions } from '../../errors/input.errors.js';
import { checkFlag } from '../../errors/option.checks.js';
import { namesOf } from '../../model/names.js';
import type { Instrumentation } from '../meter/observation.js';
import { meterWith } from './meters.js';
import { SpanTracing } from './span.tracing.js';

/**
 * Options of `openTelemetry()`.
 *
 * @publicApi
 */
export interface OpenTelemetryOptions {
  /**
   * Whether adds and runs are traced.
   *
   * @default true
   */
  readonly traces?: boolean;
  /**
   * Whether the metrics of the scheduler go to the meter of OpenTelemetry.
   *
   * @default true
   */
  readonly metrics?: boolean;
}

const OPTIONS = namesOf<keyof OpenTelemetryOptions>({ traces: 0, metrics: 0 });

/**
 * Traces and metrics through `@opentelemetry/api`: for `instrumentations`. The application registers an SDK; where there is none,
 * nothing is traced and nothing is counted. The SDK of metrics has to be registered before the scheduler is made, that of traces
 * may come later. See `docs/observability.md`.
 *
 * @throws UnknownOptionError, InvalidOptionError
 * @publicApi
 */
export function openTelemetry(options: OpenTelemetryOptions = {}): Instrumentation {
  rejectUnknownOptions('openTelemetry', options, OPTIONS);
  const { traces = true, metrics = true } = options;
  checkFlag('traces', traces);
  checkFlag('metrics', metrics);
  return (scheduler) => {
    if (traces) scheduler.traceWith(new SpanTracing(scheduler));
    if (metrics) meterWith(scheduler);
  };
}
