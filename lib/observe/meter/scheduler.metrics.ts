import { takePromise } from '../../errors/returned.js';
import type { MetricLabels, MetricSample, ValueListener } from './metric.series.js';
import { METRIC_NAMES, metricOf } from './metric.table.js';
import type { MetricLabel, MetricName } from './metric.table.js';
import { StoreMeter } from './store.meter.js';

/**
 * A metric with its numbers.
 *
 * @publicApi
 */
export interface MetricFamily {
  readonly name: MetricName;
  readonly kind: 'counter' | 'gauge' | 'histogram';
  /** As OpenTelemetry writes units: `s` for seconds, `{run}` for runs. */
  readonly unit: string;
  readonly help: string;
  /** By what its numbers are told apart. */
  readonly labels: readonly MetricLabel[];
  readonly samples: readonly MetricSample[];
}

/** A number that is looked up when somebody asks. */
export type GaugeReading = readonly [MetricName, Pick<MetricSample, 'labels' | 'value'>];

/**
 * The numbers of one scheduler, counted since `Scheduler.measure` was called first. All that shows metrics reads them here.
 *
 * @publicApi
 */
export class SchedulerMetrics {
  readonly #meters = new Map<string, StoreMeter>();
  readonly #listeners = new Set<ValueListener>();
  readonly #labels: MetricLabels;

  /** @internal */
  constructor(
    scheduler: string,
    private readonly readGauges: () => Promise<readonly GaugeReading[]>,
  ) {
    this.#labels = { scheduler };
  }

  /** @internal The numbers of a store, which go on when it was removed and is added again. */
  meterOf(store: string): StoreMeter {
    let meter = this.#meters.get(store);
    if (!meter) this.#meters.set(store, (meter = new StoreMeter({ ...this.#labels, store }, this.#listeners)));
    return meter;
  }

  /**
   * Every metric with its numbers now. A store is asked at most every five seconds for what it has to say, however often this is
   * called, and for two seconds at the most: if it does not answer, its numbers are left out, and `asyncz.store.up` is 0. Never
   * rejects.
   */
  async collect(): Promise<readonly MetricFamily[]> {
    const samples = new Map<MetricName, MetricSample[]>(METRIC_NAMES.map((name) => [name, []]));
    for (const [name, { labels, value }] of await this.readGauges()) {
      samples.get(name)!.push({ labels: { ...this.#labels, ...labels }, value });
    }
    for (const meter of this.#meters.values()) {
      for (const [name, sample] of meter.samples()) samples.get(name)!.push(sample);
    }
    return METRIC_NAMES.map((name) => {
      const { kind, unit, help, labels } = metricOf(name);
      return { name, kind, unit, help, labels: ['scheduler', ...labels], samples: samples.get(name)! };
    });
  }

  /**
   * Calls a function with each value of a histogram at the moment when it is measured: for systems that make histograms
   * themselves. It is on the path of a run, so it has to be quick; what it throws is lost.
   *
   * @returns A function that ends it.
   */
  onValue(listener: (name: MetricName, value: number, labels: MetricLabels) => void): () => void {
    const guarded: ValueListener = (...value) => {
      try {
        listener(...value);
      } catch (error) {
        // Where would it be told? The run goes on.
        takePromise(error);
      }
    };
    this.#listeners.add(guarded);
    return () => void this.#listeners.delete(guarded);
  }
}
