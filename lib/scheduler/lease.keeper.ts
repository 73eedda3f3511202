import { LeaseLostError, RunCancelledError } from '../errors/run.errors.js';
import type { Clock } from '../model/clock.js';
import type { Store } from '../stores/store.interface.js';
import type { ActiveRun } from './active-run.js';
import { wait } from './wait.js';

/** How many leases one call of the store renews at the most. */
const BATCH = 500;

/** What the keeper tells of its work. */
export interface LeaseListener {
  fenced(run: ActiveRun): void;
  failed(error: unknown): void;
  worked(): void;
}

/**
 * Renews the leases of all runs under way, on a timer of its own, three times a lease. A lease that is lost, or that has
 * run out because the store did not answer, aborts its run: from then on another scheduler may have it.
 */
export class LeaseKeeper {
  #cancel: () => void = () => {};
  #renewing: Promise<void> | null = null;

  constructor(
    private readonly store: Pick<Store, 'renewLeases'>,
    private readonly runs: ReadonlyMap<string, ActiveRun>,
    private readonly leaseMs: number,
    private readonly clock: Clock,
    private readonly listener: LeaseListener,
  ) {}

  start(): void {
    this.#cancel = wait(this.clock, this.leaseMs / 3, () => {
      this.#renewing ??= this.renew().finally(() => (this.#renewing = null));
      this.#expire();
      this.start();
    });
  }

  stop(): void {
    this.#cancel();
  }

  /** Renews now, and obeys what others asked to cancel. Never rejects. */
  async renew(): Promise<void> {
    const runs = [...this.runs.values()].filter((run) => !run.fenced);
    for (let start = 0; start < runs.length; start += BATCH) {
      await this.#renewBatch(runs.slice(start, start + BATCH));
    }
  }

  async #renewBatch(runs: readonly ActiveRun[]): Promise<void> {
    const asked = this.clock.monotonic();
    const refs = runs.map(({ task, run }) => ({ taskId: task.id, runId: run.id, token: run.token }));
    try {
      const { lost, cancelled } = await this.store.renewLeases(refs, this.leaseMs);
      const lostKeys = new Set(lost.map(({ runId, token }) => `${runId}/${token}`));
      for (const run of runs) {
        // One that ended while the question was on its way has given its lease up itself.
        if (!this.runs.has(run.key)) continue;
        if (lostKeys.has(run.key)) this.#fence(run);
        else run.renewedAt = asked;
      }
      for (const { runId, token, request } of cancelled) {
        this.runs.get(`${runId}/${token}`)?.abort(new RunCancelledError(runId, request.actor, request.reason));
      }
      this.listener.worked();
    } catch (error) {
      this.listener.failed(error);
    }
  }

  #expire(): void {
    const now = this.clock.monotonic();
    for (const run of this.runs.values()) {
      if (!run.fenced && now - run.renewedAt > this.leaseMs) this.#fence(run);
    }
  }

  #fence(run: ActiveRun): void {
    run.fenced = true;
    run.abort(new LeaseLostError(run.run.id));
    this.listener.fenced(run);
  }
}
