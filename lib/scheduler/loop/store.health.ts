import { messageOf } from '../../errors/thrown.js';
import { backoffMs } from '../../model/backoff.js';
import type { RunServices } from './run.services.js';

/** How long is waited after a failure of the store, from the moment when it was asked. */
const BACKOFF = { firstMs: 100, longestMs: 10_000 };

/** How soon after it has worked again a store that fails is taken to go up and down, in milliseconds. */
const FLAPPING_MS = 60_000;

/** For how long such a store has to work without a failure before it is said to work, in milliseconds: longer each time. */
const CALM = { firstMs: 5_000, longestMs: 30_000 };

/** What a store is asked for: that one works says nothing about the others. */
export type CallKind = 'claims' | 'polls' | 'ends' | 'renewals' | 'steps' | 'output';

/** How the loop of a store is doing. */
export interface StoreHealth {
  readonly store: string;
  /** `ok`, or `failing` while the store cannot be reached or refuses. */
  readonly state: 'ok' | 'failing';
  readonly failuresInARow: number;
  readonly lastError: string | null;
  /** When the store last answered a pass of the loop, in milliseconds since the epoch by this process's clock. */
  readonly lastPassAt: number | null;
  readonly running: number;
  /** How many handlers still run although their runs are over. */
  readonly abandoned: number;
  /** For how much longer than it may the pass under way lasts, in milliseconds; 0 while all is well. */
  readonly overdueMs: number;
}

/**
 * Counts the failures of a store, for each kind of call by itself, and reports the first of a series and its end. A store that
 * goes up and down is one that fails: its log has a few lines, and its health does not change with every call.
 */
export class HealthMonitor {
  readonly #failures = new Map<CallKind, number>();
  /** Since it was reported. */
  #failuresInARow = 0;
  #isFailing = false;
  #lastError: string | null = null;
  #lastPassAt: number | null = null;
  /** On the monotonic clock. */
  #failedAt = -Infinity;
  #recoveredAt = -Infinity;
  /** How many times in a row it has failed soon after it had worked again. */
  #relapses = 0;

  constructor(private readonly services: Pick<RunServices, 'alias' | 'events' | 'logger' | 'clock' | 'observed'>) {}

  /**
   * The store failed.
   *
   * @param askedAt When it was asked, on the monotonic clock: a call that took long to fail was a pause in itself.
   * @returns How long to wait before the next try of that kind, in milliseconds.
   */
  failed(kind: CallKind, error: unknown, askedAt = Infinity): number {
    const now = this.services.clock.monotonic();
    const failures = (this.#failures.get(kind) ?? 0) + 1;
    this.#failures.set(kind, failures);
    this.#failedAt = now;
    this.#failuresInARow += 1;
    this.#lastError = messageOf(error);
    this.services.observed.meter?.failed(kind);
    if (!this.#isFailing) this.#report(error, now);
    return Math.max(BACKOFF.firstMs, backoffMs(BACKOFF, failures) - Math.max(0, now - askedAt));
  }

  #report(error: unknown, now: number): void {
    const { alias: store, events, logger } = this.services;
    this.#isFailing = true;
    this.#relapses = now - this.#recoveredAt < FLAPPING_MS ? this.#relapses + 1 : 0;
    const again = this.#relapses > 0 ? ', as it did a moment ago' : '';
    logger.error(`The store "${store}" failed${again}; it is tried again`, error, { store });
    events.emit('store.failed', { store, error });
  }

  /** The store did what it was asked. */
  worked(kind: CallKind): void {
    this.#failures.delete(kind);
    if (!this.#isFailing || !this.#isCalm()) return;
    const { alias: store, events, logger, clock } = this.services;
    const failures = this.#failuresInARow;
    this.#isFailing = false;
    this.#failuresInARow = 0;
    this.#lastError = null;
    this.#recoveredAt = clock.monotonic();
    logger.info(`The store "${store}" works again after ${failures} failures`, { store });
    events.emit('store.recovered', { store, failures });
  }

  /** The store answered a pass of the loop. */
  passed(): void {
    this.#lastPassAt = this.services.clock.now();
  }

  /** Whether nothing fails any more, for as long as it takes to believe it. */
  #isCalm(): boolean {
    if (this.#failures.size > 0) return false;
    const calmMs = this.#relapses === 0 ? 0 : backoffMs(CALM, this.#relapses);
    return this.services.clock.monotonic() - this.#failedAt >= calmMs;
  }

  /**
   * @param running How many runs are under way.
   * @param abandoned How many handlers still run although their runs are over.
   * @param overdueMs For how much longer than it may the pass under way lasts.
   */
  health(running: number, abandoned: number, overdueMs: number): StoreHealth {
    const isOk = !this.#isFailing || this.#isCalm();
    return {
      store: this.services.alias,
      state: isOk ? 'ok' : 'failing',
      failuresInARow: isOk ? 0 : this.#failuresInARow,
      lastError: isOk ? null : this.#lastError,
      lastPassAt: this.#lastPassAt,
      running,
      abandoned,
      overdueMs,
    };
  }
}
