import type { Clock } from '../../model/clock.js';
import type { LiveRun } from '../../model/run.js';
import type { TaskRecord } from '../../model/task.js';
import { RunTimeoutError } from '../../errors/run.errors.js';
import type { RunAbortedError } from '../../errors/run.errors.js';
import type { LeaseRef } from '../../stores/store.interface.js';
import { wait } from '../../time/wait.js';

/** How long a handler has to obey its aborted signal before the run is settled without it, in milliseconds. */
export const ABORT_GRACE_MS = 5_000;

/** One attempt under way in this process. */
export class ActiveRun {
  /** Set when the lease is lost: what the run ends with is not even offered to the store. */
  fenced = false;
  /** Set when the handler has ended; the lease is held until the store has taken the result. */
  ended = false;
  /** When the lease was last known to hold, on the monotonic clock. */
  renewedAt: number;
  /** Made when somebody asks for it: most handlers never look at their signal, and it costs more than all the rest. */
  #controller: AbortController | null = null;
  #aborted: RunAbortedError | null = null;
  #abandon: (reason: RunAbortedError) => void = () => {};
  #cancelTimers: (() => void)[] = [];

  /**
   * @param claimedAt When the store was asked for the run, on the monotonic clock: its lease began then or later.
   * @param slot The slot of its group that it uses; null when it is of no group.
   */
  constructor(
    readonly task: TaskRecord,
    readonly run: LiveRun,
    private readonly clock: Clock,
    claimedAt: number,
    readonly slot: LeaseRef | null = null,
  ) {
    this.renewedAt = claimedAt;
  }

  get key(): string {
    return `${this.run.id}/${this.run.token}`;
  }

  /** The leases that it needs. */
  get leases(): readonly LeaseRef[] {
    const { run, task, slot } = this;
    const lease = { taskId: task.id, runId: run.id, token: run.token };
    return slot ? [lease, slot] : [lease];
  }

  get signal(): AbortSignal {
    if (!this.#controller) {
      this.#controller = new AbortController();
      if (this.#aborted) this.#controller.abort(this.#aborted);
    }
    return this.#controller.signal;
  }

  /** Why the run was aborted; null when it was not. */
  get aborted(): RunAbortedError | null {
    return this.#aborted;
  }

  /** Aborts the run's signal, once; the handler then has a grace time to end. */
  abort(reason: RunAbortedError): void {
    if (this.#aborted || this.ended) return;
    this.#aborted = reason;
    this.#cancelTimers.push(wait(this.clock, ABORT_GRACE_MS, () => this.#abandon(reason)));
    this.#controller?.abort(reason);
  }

  /**
   * Waits for the handler, but no longer than the task's timeout, and no longer than a grace time once it was aborted:
   * a handler that ignores its signal must not hold its task up for ever.
   */
  async outcome(handler: Promise<unknown>): Promise<unknown> {
    const { timeoutMs } = this.task.definition.policies;
    if (timeoutMs !== null) {
      const abort = () => this.abort(new RunTimeoutError(this.run.id, timeoutMs));
      this.#cancelTimers.push(wait(this.clock, timeoutMs, abort));
    }
    try {
      return await new Promise<unknown>((resolve, reject) => {
        this.#abandon = reject;
        handler.then(resolve, reject);
      });
    } finally {
      for (const cancel of this.#cancelTimers) cancel();
    }
  }
}
