import { CoalescedWork } from '../stores/coalesced-work.js';
import type { FinishResult, RunResult, Store } from '../stores/store.interface.js';
import type { WakeableWait } from './wait.js';

/** How many results one call of the store takes at the most. */
const BATCH = 500;

/** What the queue tells of its work. */
export interface FinishListener {
  settled(result: FinishResult): void;
  /** The store failed; the results are kept. Returns how long to wait before the next try, in milliseconds. */
  failed(error: unknown): number;
  worked(): void;
}

/**
 * Ends runs in batches: what ends while a batch is on its way goes with the next. Results are kept until the store has
 * taken or refused them, however long it is away.
 */
export class FinishQueue {
  #waiting: RunResult[] = [];
  readonly #flushes = new CoalescedWork(() => this.#flush());
  #closed = false;

  constructor(
    private readonly store: Pick<Store, 'finishRuns'>,
    private readonly pause: WakeableWait,
    private readonly listener: FinishListener,
  ) {}

  /** How many results the store has not taken yet. */
  get size(): number {
    return this.#waiting.length;
  }

  add(result: RunResult): void {
    this.#waiting.push(result);
    void this.#flushes.ask();
  }

  /** Resolves when all results are taken, or the queue was closed. */
  drained(): Promise<void> {
    return this.#flushes.drained();
  }

  /** Gives up what the store has not taken: leases run out, and another scheduler recovers the runs. */
  close(): void {
    this.#closed = true;
    this.pause.wake();
  }

  async #flush(): Promise<void> {
    // What ends in the same turn of the event loop goes in one batch.
    await Promise.resolve();
    while (this.#waiting.length > 0 && !this.#closed) {
      const batch = this.#waiting.slice(0, BATCH);
      try {
        const result = await this.store.finishRuns(batch);
        const done = new Set([...result.settled, ...result.refused].map(keyOf));
        this.#waiting = this.#waiting.filter((one) => !done.has(keyOf(one)));
        this.listener.settled(result);
        if (done.size > 0) this.listener.worked();
        else await this.pause.sleep(this.listener.failed(new Error('The store ended none of the runs.')));
      } catch (error) {
        await this.pause.sleep(this.listener.failed(error));
      }
    }
  }
}

function keyOf({ runId, token }: { runId: string; token: number }): string {
  return `${runId}/${token}`;
}
