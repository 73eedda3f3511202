import { LeaseLostError, RunCancelledError } from '../../errors/run.errors.js';
import type { Clock } from '../../model/clock.js';
import { keyOf } from '../../model/run.js';
import type { Store } from '../../stores/store.interface.js';
import type { HeldRun } from './held.run.js';
import type { KnownRecords, StartedRuns } from './held.tasks.js';
import { renewLeases } from './renew.step.js';
import { wait } from '../../time/wait.js';

/** How many leases one call of the store renews at the most. */
const BATCH = 500;

/** How many renewals may be on their way at a time: one that hangs must not keep the later ones from being made. */
const MAX_RENEWALS = 3;

/**
 * How long before the end of a lease that could not be renewed its run is aborted, in milliseconds: a tenth of the lease,
 * and not more than this.
 */
const LONGEST_MARGIN_MS = 1_000;

/** What the keeper tells of its work. */
interface LeaseListener {
  fenced(run: HeldRun): void;
  failed(error: unknown): void;
  worked(): void;
}

/**
 * Renews leases on a timer of its own, three times a lease. A lease that is lost, or that runs out because the store does
 * not answer, aborts its run, the latter shortly before its end: from then on another scheduler may have it.
 */
export class LeaseKeeper {
  readonly #intervalMs: number;
  /** How long after its last renewal a run is aborted, in milliseconds. */
  readonly #patienceMs: number;
  #cancel: () => void = () => {};
  #cancelExpiry: () => void = () => {};
  #renewals = 0;

  constructor(
    private readonly store: Pick<Store, 'transact'>,
    private readonly runs: StartedRuns & Pick<KnownRecords, 'note' | 'adopted'>,
    private readonly leaseMs: number,
    private readonly clock: Clock,
    private readonly listener: LeaseListener,
  ) {
    this.#intervalMs = leaseMs / 3;
    this.#patienceMs = leaseMs - Math.min(leaseMs / 10, LONGEST_MARGIN_MS);
  }

  start(): void {
    this.#cancel = wait(this.clock, this.#intervalMs, () => {
      if (this.#renewals < MAX_RENEWALS) {
        this.#renewals += 1;
        // What failed is not asked for any more.
        if (this.runs.size === 0) this.listener.worked();
        void this.renew().finally(() => (this.#renewals -= 1));
      }
      this.#expire();
      this.start();
    });
  }

  stop(): void {
    this.#cancel();
    this.#cancelExpiry();
  }

  /** Whether the leases of a run hold for a while yet, as far as this process knows. */
  holds({ renewedAt }: HeldRun): boolean {
    return renewedAt + this.#patienceMs > this.clock.monotonic();
  }

  /**
   * Renews now, and obeys what others asked to cancel. Never rejects.
   *
   * @param isMeant Which runs; all when left out.
   */
  async renew(isMeant: (run: HeldRun) => boolean = () => true): Promise<void> {
    const runs = [...this.runs].filter((run) => !run.isFenced && run.settled === null && isMeant(run));
    for (let start = 0; start < runs.length; start += BATCH) {
      await this.#renewBatch(runs.slice(start, start + BATCH));
    }
  }

  async #renewBatch(runs: readonly HeldRun[]): Promise<void> {
    const asked = this.clock.monotonic();
    const refs = runs.flatMap(({ leases }) => leases);
    try {
      const { lost, failed, cancelled } = await renewLeases(this.store, refs, this.leaseMs, this.runs);
      const lostKeys = new Set(lost.map(keyOf));
      const failedKeys = new Set(failed.map(keyOf));
      for (const run of runs) {
        // One that ended while the question was on its way has given its lease up itself.
        if (!this.runs.has(run) || run.settled !== null) continue;
        const isAny = (keys: ReadonlySet<string>) => run.leases.some((lease) => keys.has(keyOf(lease)));
        if (isAny(lostKeys)) this.fence(run);
        else if (!isAny(failedKeys)) run.renewedAt = Math.max(run.renewedAt, asked);
      }
      for (const { request, ...lease } of cancelled) {
        this.runs.find(lease)?.abort(new RunCancelledError(lease.runId, request));
      }
      this.listener.worked();
    } catch (error) {
      this.listener.failed(error);
    }
  }

  /** Aborts what has run out, and looks again when the next one does, should it not be renewed before. */
  #expire(): void {
    this.#cancelExpiry();
    const now = this.clock.monotonic();
    let nextMs = Infinity;
    for (const run of this.runs) {
      if (run.isFenced || run.settled !== null) continue;
      const leftMs = run.renewedAt + this.#patienceMs - now;
      if (!this.holds(run)) this.fence(run);
      else nextMs = Math.min(nextMs, leftMs);
    }
    if (nextMs <= this.#intervalMs) this.#cancelExpiry = wait(this.clock, nextMs, () => this.#expire());
  }

  /** Aborts a run whose lease is lost. */
  fence(run: HeldRun): void {
    // What it ended with waits for the store, which refuses it should another scheduler have taken the run over.
    if (run.hasEnded || run.isFenced || run.settled !== null) return;
    run.isFenced = true;
    run.abort(new LeaseLostError(run.runId));
    this.listener.fenced(run);
  }
}
