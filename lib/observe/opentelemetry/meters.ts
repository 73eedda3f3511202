import { createNoopMeter, metrics as api } from '@opentelemetry/api';
import type { BatchObservableResult, Histogram, Meter, Observable } from '@opentelemetry/api';
import { METRIC_NAMES, metricOf } from '../meter/metric.table.js';
import type { MetricName } from '../meter/metric.table.js';
import type { InstrumentedScheduler } from '../meter/observation.js';
import { SCOPE } from './scope.js';

/**
 * Has the metrics of a scheduler collected by the meter of OpenTelemetry. Counters and gauges are looked up when it collects;
 * its histograms are made from each value. Without an SDK nothing is measured.
 */
export function meterWith(scheduler: InstrumentedScheduler): void {
  const meter = api.getMeter(...SCOPE);
  if (meter === createNoopMeter()) return;
  const metrics = scheduler.measure();
  const histograms = new Map<MetricName, Histogram>();
  const observables = new Map<MetricName, Observable>();
  for (const name of METRIC_NAMES) {
    if (metricOf(name).kind === 'histogram') histograms.set(name, histogramOf(meter, name));
    else observables.set(name, observableOf(meter, name));
  }
  metrics.onValue((name, value, labels) => histograms.get(name)!.record(value, labels));
  const observe = async (result: BatchObservableResult) => {
    for (const { name, samples } of await metrics.collect()) {
      const observable = observables.get(name);
      if (observable) for (const { value, labels } of samples) result.observe(observable, value, labels);
    }
  };
  meter.addBatchObservableCallback(observe, [...observables.values()]);
}

function histogramOf(meter: Meter, name: MetricName): Histogram {
  const { help, unit, bounds = [] } = metricOf(name);
  return meter.createHistogram(name, {
    description: help,
    unit,
    advice: { explicitBucketBoundaries: [...bounds] },
  });
}

function observableOf(meter: Meter, name: MetricName): Observable {
  const { help, unit, kind } = metricOf(name);
  const options = { description: help, unit };
  return kind === 'counter' ? meter.createObservableCounter(name, options) : meter.createObservableGauge(name, options);
}
