import type { Clock } from '../model/clock.js';
import type { LiveRun } from '../model/run.js';
import type { TaskRecord } from '../model/task.js';
import { RunTimeoutError } from '../errors/run.errors.js';
import type { RunAbortedError } from '../errors/run.errors.js';
import { wait } from './wait.js';

/** How long a handler has to obey its aborted signal before the run is settled without it, in milliseconds. */
export const ABORT_GRACE_MS = 5_000;

/** One attempt under way in this process. */
export class ActiveRun {
  readonly #controller = new AbortController();
  /** Set when the lease is lost: what the run ends with is not even offered to the store. */
  fenced = false;
  /** When the lease was last known to hold, on the monotonic clock. */
  renewedAt: number;
  #cancelTimeout: () => void = () => {};

  constructor(
    readonly task: TaskRecord,
    readonly run: LiveRun,
    private readonly clock: Clock,
  ) {
    this.renewedAt = clock.monotonic();
  }

  get key(): string {
    return `${this.run.id}/${this.run.token}`;
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** Why the signal is aborted; null when it is not. */
  get aborted(): RunAbortedError | null {
    return this.signal.aborted ? (this.signal.reason as RunAbortedError) : null;
  }

  abort(reason: RunAbortedError): void {
    // Listeners of the handler's run here, and what they throw must not reach whoever aborts.
    if (!this.signal.aborted) this.#controller.abort(reason);
  }

  /**
   * Waits for the handler, but no longer than the task's timeout, and no longer than a grace time once it was aborted:
   * a handler that ignores its signal must not hold its task up for ever.
   */
  async outcome(handler: Promise<unknown>): Promise<unknown> {
    const { timeoutMs } = this.task.definition.policies;
    if (timeoutMs !== null) {
      this.#cancelTimeout = wait(this.clock, timeoutMs, () => this.abort(new RunTimeoutError(this.run.id, timeoutMs)));
    }
    let cancelGrace = () => {};
    const abandoned = new Promise<never>((_resolve, reject) => {
      this.signal.addEventListener('abort', () => {
        cancelGrace = wait(this.clock, ABORT_GRACE_MS, () => reject(this.signal.reason as Error));
      });
    });
    try {
      return await Promise.race([handler, abandoned]);
    } finally {
      this.#cancelTimeout();
      cancelGrace();
    }
  }
}
