import { Counter, Gauge, Histogram } from 'prom-client';
import type { Registry } from 'prom-client';
import { METRIC_NAMES, metricOf, prometheusName } from '../meter/metric.table.js';
import type { MetricName } from '../meter/metric.table.js';
import type { InstrumentedScheduler } from '../meter/observation.js';
import type { MetricSample } from '../meter/metric.series.js';
import type { MetricFamily } from '../meter/scheduler.metrics.js';

const KINDS = { counter: Counter, gauge: Gauge, histogram: Histogram } as const;

/** A number as `prom-client` writes it. */
interface PromValue {
  readonly metricName?: string;
  readonly labels: Readonly<Record<string, string | number>>;
  readonly value: number;
}

/**
 * Puts the metrics of schedulers into a registry of `prom-client`. They are read when the registry is, all at once: each of its
 * metrics is asked by itself.
 *
 * @param schedulers Each with a name of its own.
 * @publicApi
 */
export function registerMetrics(schedulers: readonly InstrumentedScheduler[], registry: Registry): void {
  const all = schedulers.map((scheduler) => scheduler.measure());
  let reading: Promise<readonly MetricFamily[]> | null = null;
  const read = () =>
    (reading ??= Promise.all(all.map((metrics) => metrics.collect()))
      .then((families) => families.flat())
      .finally(() => (reading = null)));
  for (const name of METRIC_NAMES) register(name, registry, read);
}

function register(name: MetricName, registry: Registry, read: () => Promise<readonly MetricFamily[]>): void {
  const { kind, help, labels, bounds } = metricOf(name);
  const metric = new KINDS[kind]({
    name: prometheusName(name),
    help,
    labelNames: ['scheduler', ...labels],
    registers: [registry],
    ...(bounds && { buckets: [...bounds] }),
  });
  const get = async () => {
    // A registry for OpenMetrics calls a counter otherwise.
    const called = (metric as unknown as { readonly name: string }).name;
    const samples = (await read()).flatMap((family) => (family.name === name ? family.samples : []));
    return {
      name: called,
      help,
      type: kind,
      aggregator: 'sum',
      values: samples.flatMap((one) => valuesOf(called, one)),
    };
  };
  // The library keeps its numbers itself; here they are looked up. The second is what a histogram is asked for its text.
  Object.assign(metric, { get, ...(kind === 'histogram' && { getForPromString: get }) });
}

function valuesOf(name: string, { labels, value, histogram }: MetricSample): readonly PromValue[] {
  if (!histogram) return [{ labels, value }];
  const { sum, buckets } = histogram;
  return [
    ...buckets.map(({ le, count }) => ({
      metricName: `${name}_bucket`,
      labels: { ...labels, le: le === Infinity ? '+Inf' : le },
      value: count,
    })),
    { metricName: `${name}_sum`, labels, value: sum },
    { metricName: `${name}_count`, labels, value },
  ];
}
