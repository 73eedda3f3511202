import type { StoredStep } from '../../model/run.js';
import { CoalescedWork } from '../../stores/coalesced-work.js';
import type { Store } from '../../stores/store.interface.js';
import type { Clock } from '../../model/clock.js';
import { WakeableWait } from '../../time/wait.js';
import { keepSteps } from '../plan/step.plan.js';
import type { StepsOutcome, StepsOver } from '../plan/step.plan.js';
import { groupByTask } from './by.task.js';
import type { HeldRun } from './held.run.js';
import type { KnownRecords } from './held.tasks.js';
import type { HealthMonitor } from './store.health.js';

/** How many runs one call of the store is about at the most. */
const BATCH = 500;

/** What keeping steps goes through. */
interface StepParts {
  readonly leaseMs: number;
  /** How many bytes the steps of all runs of a task may take. */
  readonly maxTaskStepBytes: number;
  readonly tasks: Pick<KnownRecords, 'note' | 'adopted'>;
  readonly health: HealthMonitor;
  readonly clock: Clock;
}

/** A step that is to be kept. */
interface Offer extends StepsOver {
  readonly run: HeldRun;
  readonly resolve: (outcome: StepsOutcome) => void;
  readonly reject: (error: unknown) => void;
}

/**
 * Keeps the steps of runs in the store, those that are over at the same time in one call. What the store fails to take is tried
 * again until the run is aborted: what the step has done is done, and would be done twice if the run went on without it.
 */
export class StepWrites {
  #waiting: Offer[] = [];
  readonly #flushes = new CoalescedWork(() => this.#flush());
  readonly #pause: WakeableWait;
  #isClosed = false;

  constructor(
    private readonly store: Pick<Store, 'transact'>,
    private readonly parts: StepParts,
  ) {
    this.#pause = new WakeableWait(parts.clock);
  }

  /**
   * Keeps a step with its run, under the lease of that. Resolves when the store has said what became of it. Rejects with what the
   * store failed with where the run has no time to try again.
   */
  keep(run: HeldRun, step: StoredStep): Promise<StepsOutcome> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ ...run.lease, steps: [step], run, resolve, reject });
      void this.#flushes.ask();
    });
  }

  /** Gives up what the store has not taken. */
  close(): void {
    this.#isClosed = true;
    this.#pause.wake();
  }

  async #flush(): Promise<void> {
    // What is over in the same turn of the event loop goes in one call.
    await Promise.resolve();
    while (this.#waiting.length > 0) {
      const offers = this.#waiting.splice(0, BATCH);
      const askedAt = this.parts.clock.monotonic();
      try {
        await this.#write(offers);
        this.parts.health.worked('steps');
      } catch (error) {
        await this.#failed(offers, error, askedAt);
      }
    }
  }

  async #write(offers: readonly Offer[]): Promise<void> {
    const { tasks, leaseMs, maxTaskStepBytes: maxBytes, clock } = this.parts;
    const asked = clock.monotonic();
    const rest = groupByTask(offers, ({ taskId }) => taskId);
    const { committed, failed } = await this.store.transact<readonly StepsOutcome[]>(
      { ids: [...rest.keys()] },
      (task, now, decided) => keepSteps(rest.get(task.id)!, leaseMs, maxBytes)(tasks.adopted(task), now, decided),
    );
    for (const { id, task, value } of committed) {
      if (task) tasks.note(task);
      for (const [at, { run, resolve }] of rest.get(id)!.entries()) {
        const outcome = value[at]!;
        // A slot of a group is a lease beside that of the run, and was not renewed.
        if (outcome === 'kept' && run.extraLeases.length === 0) run.renewedAt = Math.max(run.renewedAt, asked);
        resolve(outcome);
      }
      rest.delete(id);
    }
    const again: Offer[] = [];
    for (const { id } of failed) {
      again.push(...rest.get(id)!);
      rest.delete(id);
    }
    for (const of of rest.values()) for (const { resolve } of of) resolve('refused');
    if (failed[0]) await this.#failed(again, failed[0].error, asked);
  }

  /** Nobody knows whether the store has taken them: what it has taken it takes once. */
  async #failed(offers: readonly Offer[], error: unknown, askedAt: number): Promise<void> {
    const pauseMs = this.parts.health.failed('steps', error, askedAt);
    await this.#pause.sleep(pauseMs);
    for (const offer of offers) {
      if (this.#isClosed || offer.run.aborted !== null || offer.run.hasEnded) offer.reject(error);
      else this.#waiting.push(offer);
    }
    // What is not asked for any more does not fail any more.
    if (this.#waiting.length === 0) this.parts.health.worked('steps');
  }
}
