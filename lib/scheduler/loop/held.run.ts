import { RunCancelledError, RunTimeoutError, ShutdownError } from '../../errors/run.errors.js';
import type { RunAbortedError } from '../../errors/run.errors.js';
import { runEvent } from '../../events/run.event.js';
import type { RunEvent } from '../../events/event.map.js';
import type { TaskContextSource } from '../../executors/task-context.js';
import type { TaskDefinition } from '../../model/definition.js';
import type { Logger } from '../../model/logger.js';
import { keyOf } from '../../model/run.js';
import type { LeaseRef, LiveRun, RunSource, RunStatus } from '../../model/run.js';
import type { TaskRecord } from '../../model/task.js';
import { wait } from '../../time/wait.js';
import type { RunServices } from './run.services.js';

/** How long a handler has to obey its aborted signal before the run is ended without it, in milliseconds. */
export const ABORT_GRACE_MS = 5_000;

/** How the handler of a run ended. */
export interface RunOutcome {
  readonly status: RunStatus;
  /** What it threw; undefined when it returned. */
  readonly error?: unknown;
  /** What it returned. */
  readonly result?: unknown;
}

/**
 * One attempt that this process holds the lease of, from the claim to its history. The context of the handler, the record and
 * the events of the run are views of it.
 */
export class HeldRun implements TaskContextSource {
  readonly key: string;
  readonly lease: LeaseRef;
  /** The lease of the run, and those that it needs beside it. */
  readonly leases: readonly LeaseRef[];
  /** Set when a lease is lost: the run is aborted, and only what it has done to its end is offered to the store. */
  isFenced = false;
  /** Set when the handler has ended; the lease is held until the store has taken the end. */
  hasEnded = false;
  /** When the leases were last known to hold, on the monotonic clock. */
  renewedAt: number;
  /** Made when somebody asks for it: most handlers never look at their signal, and it costs more than all the rest. */
  #controller: AbortController | null = null;
  #aborted: RunAbortedError | null = null;
  #abandon: (reason: RunAbortedError) => void = () => {};
  #cancelTimers: (() => void)[] = [];

  /**
   * @param record The task as the claim has written it.
   * @param claimedAt When the store was asked for the run, on the monotonic clock: its lease began then or later.
   * @param extraLeases The leases that the run needs beside its own: a slot of its group.
   */
  constructor(
    readonly record: TaskRecord,
    readonly run: LiveRun,
    private readonly services: RunServices,
    claimedAt: number,
    readonly extraLeases: readonly LeaseRef[],
  ) {
    this.lease = { taskId: record.id, runId: run.id, token: run.token };
    this.key = keyOf(this.lease);
    this.leases = [this.lease, ...extraLeases];
    this.renewedAt = claimedAt;
  }

  get task(): TaskDefinition {
    return this.record.definition;
  }

  get store(): string {
    return this.services.alias;
  }

  get runId(): string {
    return this.run.id;
  }

  get scheduledTime(): number {
    return this.run.scheduledTime;
  }

  get attempt(): number {
    return this.run.attempt;
  }

  get token(): number {
    return this.run.token;
  }

  get source(): RunSource {
    return this.run.source;
  }

  get coalesced(): number {
    return this.run.coalesced;
  }

  get signal(): AbortSignal {
    if (!this.#controller) {
      this.#controller = new AbortController();
      if (this.#aborted) this.#controller.abort(this.#aborted);
    }
    return this.#controller.signal;
  }

  get log(): Logger {
    return prefixed(this.services.logger, `[${this.task.id}] `);
  }

  progress(value: unknown): void {
    this.services.events.emit('run.progress', { ...this.event(), value });
  }

  /** What every event of the run carries. */
  event(): RunEvent {
    return runEvent(this.record, this.run, this.services.alias);
  }

  /** Why the run was aborted; null when it was not. */
  get aborted(): RunAbortedError | null {
    return this.#aborted;
  }

  /** Aborts the signal of the run, once. The handler then has a grace time to end. */
  abort(reason: RunAbortedError): void {
    if (this.#aborted || this.hasEnded) return;
    this.#aborted = reason;
    this.#cancelTimers.push(wait(this.services.clock, ABORT_GRACE_MS, () => this.#abandon(reason)));
    this.#controller?.abort(reason);
  }

  /**
   * Waits for the handler, but no longer than the timeout of the task, and no longer than a grace time once the run was
   * aborted: a handler that ignores its signal must not hold its task up for ever. Never rejects.
   */
  async outcome(handler: Promise<unknown>): Promise<RunOutcome> {
    const { timeoutMs } = this.task.policies;
    if (timeoutMs !== null) {
      const abort = () => this.abort(new RunTimeoutError(this.run.id, timeoutMs));
      this.#cancelTimers.push(wait(this.services.clock, timeoutMs, abort));
    }
    try {
      const result = await new Promise<unknown>((resolve, reject) => {
        this.#abandon = reject;
        handler.then(resolve, reject);
      });
      return { status: 'succeeded', result };
    } catch (error) {
      // An abort that the handler obeyed is no failure of the handler; a timeout is one.
      const isCancelled = this.#aborted instanceof RunCancelledError || this.#aborted instanceof ShutdownError;
      return { status: isCancelled ? 'cancelled' : 'failed', error };
    } finally {
      for (const cancel of this.#cancelTimers) cancel();
    }
  }
}

function prefixed(logger: Logger, prefix: string): Logger {
  return {
    debug: (message) => logger.debug(prefix + message),
    info: (message) => logger.info(prefix + message),
    warn: (message) => logger.warn(prefix + message),
    error: (message, error) => logger.error(prefix + message, error),
  };
}
