import type { Clock } from '../../model/clock.js';
import type { Store } from '../../stores/store.interface.js';
import { wait } from '../../time/wait.js';
import { keepOutputs } from '../plan/output.plan.js';
import type { OutputOfRun } from '../plan/output.plan.js';
import { groupByTask } from './by.task.js';
import type { HeldRun } from './held.run.js';
import type { KnownRecords } from './held.tasks.js';
import type { HealthMonitor } from './store.health.js';

/** How long after something was said it is written, in milliseconds: a run that ends before takes it into the history itself. */
const DELAY_MS = 1_000;

/** How many runs one call of the store is about at the most. */
const BATCH = 200;

interface OutputParts {
  readonly store: Pick<Store, 'transact'>;
  readonly tasks: Pick<KnownRecords, 'note' | 'adopted'>;
  readonly health: HealthMonitor;
  readonly clock: Clock;
}

/**
 * Writes what runs under way have said, so that it can be read on every node, and after their process died. Once a second at the
 * most, and nothing for runs that are over by then. What the store fails to take is written a while later, as it is by then.
 */
export class OutputWrites {
  readonly #waiting = new Set<HeldRun>();
  #cancel: (() => void) | null = null;
  #isWriting = false;
  #isClosed = false;

  constructor(private readonly parts: OutputParts) {}

  /** A run has said something. */
  said(run: HeldRun): void {
    if (this.#isClosed || run.hasEnded) return;
    this.#waiting.add(run);
    this.#later(DELAY_MS);
  }

  /** A run is over: its end has what it has said. */
  ended(run: HeldRun): void {
    this.#waiting.delete(run);
  }

  /** Writes nothing more. */
  close(): void {
    this.#isClosed = true;
    this.#waiting.clear();
    this.#cancel?.();
  }

  #later(delayMs: number): void {
    if (this.#isWriting || this.#cancel) return;
    this.#cancel = wait(this.parts.clock, delayMs, () => {
      this.#cancel = null;
      void this.#flush();
    });
  }

  async #flush(): Promise<void> {
    const { health, clock } = this.parts;
    const runs = [...this.#waiting].slice(0, BATCH);
    for (const run of runs) this.#waiting.delete(run);
    const askedAt = clock.monotonic();
    let delayMs = DELAY_MS;
    this.#isWriting = true;
    try {
      await this.#write(runs.filter(({ hasEnded, isFenced }) => !hasEnded && !isFenced));
      health.worked('output');
    } catch (error) {
      delayMs = Math.max(DELAY_MS, health.failed('output', error, askedAt));
      for (const run of runs) if (!this.#isClosed && !run.hasEnded) this.#waiting.add(run);
    }
    this.#isWriting = false;
    // What is not asked for any more does not fail any more.
    if (this.#waiting.size === 0) health.worked('output');
    else if (!this.#isClosed) this.#later(delayMs);
  }

  async #write(runs: readonly HeldRun[]): Promise<void> {
    const { store, tasks } = this.parts;
    const outputs = runs.flatMap((run): OutputOfRun[] => {
      const output = run.output;
      return output ? [{ ...run.lease, output }] : [];
    });
    if (outputs.length === 0) return;
    const rest = groupByTask(outputs, ({ taskId }) => taskId);
    const { committed, failed } = await store.transact<null>({ ids: [...rest.keys()] }, (task, now, decided) =>
      keepOutputs(rest.get(task.id)!)(tasks.adopted(task), now, decided),
    );
    for (const { task } of committed) if (task) tasks.note(task);
    if (failed[0]) throw failed[0].error;
  }
}
