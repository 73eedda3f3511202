import { SchedulerMetrics } from './scheduler.metrics.js';
import type { GaugeReading } from './scheduler.metrics.js';
import type { StoreMeter } from './store.meter.js';
import type { Tracing } from './tracing.js';

/** Who looks at the runs of one store: nobody, unless somebody has asked for it. */
export interface Observed {
  readonly meter: StoreMeter | null;
  readonly tracing: Tracing | null;
}

/**
 * A scheduler as instrumentation gets it.
 *
 * @publicApi
 */
export interface InstrumentedScheduler {
  readonly name: string;
  readonly identity: string;
  /** Begins to count. */
  measure(): SchedulerMetrics;
  /** @internal */
  traceWith(tracing: Tracing): void;
}

/**
 * Looks at what a scheduler does: given in `instrumentations`, it is called once when the scheduler is made.
 *
 * @publicApi
 */
export type Instrumentation = (scheduler: InstrumentedScheduler) => void;

/** Who looks at what a scheduler does. On the path of a run it is two fields to read, which are null for nobody. */
export class Observation {
  #metrics: SchedulerMetrics | null = null;
  #tracing: Tracing | null = null;
  readonly #stores = new Map<string, { meter: StoreMeter | null; tracing: Tracing | null }>();

  get tracing(): Tracing | null {
    return this.#tracing;
  }

  /** Who looks at a store, now and later: the object follows. */
  of(store: string): Observed {
    let observed = this.#stores.get(store);
    if (!observed) {
      observed = { meter: this.#metrics?.meterOf(store) ?? null, tracing: this.#tracing };
      this.#stores.set(store, observed);
    }
    return observed;
  }

  /** Begins to count, once. */
  measure(scheduler: string, readGauges: () => Promise<readonly GaugeReading[]>): SchedulerMetrics {
    if (!this.#metrics) {
      this.#metrics = new SchedulerMetrics(scheduler, readGauges);
      for (const [store, observed] of this.#stores) observed.meter = this.#metrics.meterOf(store);
    }
    return this.#metrics;
  }

  traceWith(tracing: Tracing): void {
    this.#tracing = tracing;
    for (const observed of this.#stores.values()) observed.tracing = tracing;
  }
}
