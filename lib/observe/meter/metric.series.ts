import { Histogram } from './histogram.js';
import type { MetricLabel, MetricName } from './metric.table.js';

/**
 * The labels of a number.
 *
 * @publicApi
 */
export type MetricLabels = Readonly<Partial<Record<MetricLabel, string>>>;

/**
 * One number of a metric. Of a histogram it is the number of values, with their sum and how many were not larger than each bound.
 *
 * @publicApi
 */
export interface MetricSample {
  readonly labels: MetricLabels;
  readonly value: number;
  readonly histogram?: {
    readonly sum: number;
    /** Cumulative, the last bound is `Infinity`. */
    readonly buckets: readonly { readonly le: number; readonly count: number }[];
  };
}

/** Is told of each value of a histogram when it is measured. */
export type ValueListener = (name: MetricName, value: number, labels: MetricLabels) => void;

/** A histogram with its labels, which are one object: whoever hears of its values need not copy them. */
export class Distribution {
  readonly #histogram: Histogram;

  constructor(
    private readonly name: MetricName,
    readonly labels: MetricLabels,
    bounds: readonly number[],
    private readonly listeners: ReadonlySet<ValueListener>,
  ) {
    this.#histogram = new Histogram(bounds);
  }

  record(value: number): void {
    this.#histogram.record(value);
    for (const listener of this.listeners) listener(this.name, value, this.labels);
  }

  sample(): MetricSample {
    const { bounds, counts, sum, count } = this.#histogram;
    let below = 0;
    const buckets = [...bounds, Infinity].map((le, at) => ({ le, count: (below += counts[at]!) }));
    return { labels: this.labels, value: count, histogram: { sum, buckets } };
  }
}

/** A number that only grows, with its labels. */
export class Count {
  value = 0;

  constructor(readonly labels: MetricLabels) {}

  sample(): MetricSample {
    return { labels: this.labels, value: this.value };
  }
}
