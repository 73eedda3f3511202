import { metrics as api } from '@opentelemetry/api';
import { DataPointType, MeterProvider, MetricReader } from '@opentelemetry/sdk-metrics';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { Scheduler } from 'nestjs-asyncz';
import { openTelemetry } from 'nestjs-asyncz/opentelemetry';
import { METRICS, METRIC_NAMES } from '../../lib/observe/meter/metric.table.js';
import { nextEvent } from '../support/events.js';

/** Collects when it is asked to. */
class AskedReader extends MetricReader {
  protected override async onShutdown(): Promise<void> {}
  protected override async onForceFlush(): Promise<void> {}
}

function register(): AskedReader {
  const reader = new AskedReader();
  api.setGlobalMeterProvider(new MeterProvider({ readers: [reader] }));
  onTestFinished(() => api.disable());
  return reader;
}

async function start(): Promise<Scheduler> {
  const scheduler = new Scheduler({ name: 'billing', instrumentations: [openTelemetry()] });
  scheduler.registerHandler('work', () => {});
  onTestFinished(() => scheduler.shutdown(0));
  await scheduler.start();
  return scheduler;
}

describe('the metrics of OpenTelemetry', () => {
  it('are all of the table, with the numbers of the scheduler', async () => {
    const reader = register();
    const scheduler = await start();
    const done = nextEvent(scheduler, 'run.succeeded');
    await scheduler.addTask({ handler: 'work' });
    await done;
    const { resourceMetrics, errors } = await reader.collect();
    expect(errors).toEqual([]);
    const [{ metrics, scope }] = resourceMetrics.scopeMetrics as [(typeof resourceMetrics.scopeMetrics)[number]];
    expect(scope.name).toBe('nestjs-asyncz');
    const byName = new Map(metrics.map((metric) => [metric.descriptor.name, metric]));
    // A number that nothing was measured of is not told.
    const silent = new Set<string>(['asyncz.store.failures']);
    expect([...byName.keys()].sort()).toEqual(METRIC_NAMES.filter((name) => !silent.has(name)).sort());
    const labels = { scheduler: 'billing', store: 'default', handler: 'work' };
    expect(byName.get('asyncz.run.ended')).toMatchObject({
      descriptor: { unit: '{run}', description: METRICS['asyncz.run.ended'].help },
      dataPointType: DataPointType.SUM,
      isMonotonic: true,
      dataPoints: [{ value: 1, attributes: { ...labels, status: 'succeeded' } }],
    });
    expect(byName.get('asyncz.run.duration')).toMatchObject({
      descriptor: { unit: 's' },
      dataPointType: DataPointType.HISTOGRAM,
      dataPoints: [{ value: { count: 1, buckets: { boundaries: METRICS['asyncz.run.duration'].bounds } } }],
    });
    expect(byName.get('asyncz.executor.room')).toMatchObject({ dataPointType: DataPointType.GAUGE });
  });

  it('cost nothing where no SDK is registered: nothing is counted', async () => {
    const measure = vi.spyOn(Scheduler.prototype, 'measure');
    onTestFinished(() => measure.mockRestore());
    await start();
    expect(measure).not.toHaveBeenCalled();
    register();
    await start();
    expect(measure).toHaveBeenCalledOnce();
  });
});
