import type { RunRecord, RunStatus } from '../../model/run.js';
import { Count, Distribution } from './metric.series.js';
import type { MetricLabels, MetricSample, ValueListener } from './metric.series.js';
import { METRICS } from './metric.table.js';
import type { MetricName, MetricOfKind } from './metric.table.js';

/** How many handlers are told apart; what comes after them is one. */
const MAX_HANDLERS = 1_000;
const OTHER = 'other';

/** How many milliseconds a second has: what is measured in the one is told in the other. */
const SECOND_MS = 1_000;

/** The numbers of one handler. Those of a status are made when there is one. */
interface HandlerNumbers {
  readonly ended: Map<RunStatus, Count>;
  readonly duration: Map<RunStatus, Distribution>;
  readonly dead: Count;
  readonly lateness: Distribution;
  readonly attempts: Distribution;
  readonly labels: MetricLabels;
}

/**
 * What is counted of one store. Each method is on the path of a run: it finds the numbers of a handler by one look-up, makes
 * nothing that is there already, and never throws.
 */
export class StoreMeter {
  readonly #handlers = new Map<string, HandlerNumbers>();
  readonly #failures = new Map<string, Count>();
  readonly #leasesLost: Count;
  readonly #claimDuration: Distribution;
  readonly #claimSize: Distribution;

  /** @param labels The scheduler and the store. @param listeners Those of values. */
  constructor(
    private readonly labels: MetricLabels,
    private readonly listeners: ReadonlySet<ValueListener>,
  ) {
    this.#leasesLost = new Count(labels);
    this.#claimDuration = this.#distribution('asyncz.claim.duration', labels);
    this.#claimSize = this.#distribution('asyncz.claim.size', labels);
  }

  /** A handler is called. @param lateMs How much later than its run was due, in milliseconds. */
  called(handler: string, lateMs: number): void {
    this.#of(handler).lateness.record(Math.max(0, lateMs) / SECOND_MS);
  }

  /** An attempt of a handler is over, and the store has its end. @param tookMs How long the handler took, in milliseconds, if that was measured. */
  ended({ handler, status, attempt }: RunRecord, tookMs: number | null, willRetry: boolean): void {
    const numbers = this.#of(handler);
    this.#endedOf(numbers, status).value += 1;
    let duration = numbers.duration.get(status);
    if (!duration) {
      duration = this.#distribution('asyncz.run.duration', { ...numbers.labels, status });
      numbers.duration.set(status, duration);
    }
    // Of a run whose handler was not called, or that had begun before anybody measured, nobody knows.
    if (tookMs !== null) duration.record(tookMs / SECOND_MS);
    if (willRetry) return;
    numbers.attempts.record(attempt);
    if (status === 'failed') numbers.dead.value += 1;
  }

  /** A claim has recorded a run without a handler: it was missed, skipped, cancelled or lost. */
  recorded({ handler, status, attempt, dead }: RunRecord): void {
    const numbers = this.#of(handler);
    this.#endedOf(numbers, status).value += 1;
    if (!dead) return;
    numbers.dead.value += 1;
    numbers.attempts.record(attempt);
  }

  leaseLost(): void {
    this.#leasesLost.value += 1;
  }

  /** @param tookMs How long the store took, in milliseconds. @param size How many tasks it gave. */
  claimed(tookMs: number, size: number): void {
    this.#claimDuration.record(tookMs / SECOND_MS);
    this.#claimSize.record(size);
  }

  /** @param call What the store was asked for. */
  failed(call: string): void {
    let count = this.#failures.get(call);
    if (!count) this.#failures.set(call, (count = new Count({ ...this.labels, call })));
    count.value += 1;
  }

  /** What was counted, by the names of metrics. */
  *samples(): Iterable<readonly [MetricName, MetricSample]> {
    for (const { ended, duration, dead, lateness, attempts } of this.#handlers.values()) {
      for (const count of ended.values()) yield ['asyncz.run.ended', count.sample()];
      for (const one of duration.values()) yield ['asyncz.run.duration', one.sample()];
      yield ['asyncz.run.dead', dead.sample()];
      yield ['asyncz.run.lateness', lateness.sample()];
      yield ['asyncz.run.attempts', attempts.sample()];
    }
    for (const count of this.#failures.values()) yield ['asyncz.store.failures', count.sample()];
    yield ['asyncz.lease.lost', this.#leasesLost.sample()];
    yield ['asyncz.claim.duration', this.#claimDuration.sample()];
    yield ['asyncz.claim.size', this.#claimSize.sample()];
  }

  #of(handler: string): HandlerNumbers {
    return this.#handlers.get(handler) ?? this.#make(handler);
  }

  #make(handler: string): HandlerNumbers {
    if (this.#handlers.size >= MAX_HANDLERS && handler !== OTHER) return this.#of(OTHER);
    const labels = { ...this.labels, handler };
    const numbers: HandlerNumbers = {
      labels,
      ended: new Map(),
      duration: new Map(),
      dead: new Count(labels),
      lateness: this.#distribution('asyncz.run.lateness', labels),
      attempts: this.#distribution('asyncz.run.attempts', labels),
    };
    this.#handlers.set(handler, numbers);
    return numbers;
  }

  #endedOf({ ended, labels }: HandlerNumbers, status: RunStatus): Count {
    let count = ended.get(status);
    if (!count) ended.set(status, (count = new Count({ ...labels, status })));
    return count;
  }

  #distribution(name: MetricOfKind<'histogram'>, labels: MetricLabels): Distribution {
    return new Distribution(name, labels, METRICS[name].bounds, this.listeners);
  }
}
