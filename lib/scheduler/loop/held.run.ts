import { RunCancelledError, RunTimeoutError, ShutdownError } from '../../errors/run.errors.js';
import type { RunAbortedError } from '../../errors/run.errors.js';
import { isErrorOf } from '../../errors/foreign.js';
import { runEvent } from '../../events/run.event.js';
import type { RunEvent } from '../../events/event.map.js';
import type { TaskContextSource } from '../../executors/task-context.js';
import type { TaskDefinition } from '../../model/definition.js';
import type { Logger } from '../../model/logger.js';
import { keyOf } from '../../model/run.js';
import type { LeaseRef, LiveRun, RunSource, RunStatus } from '../../model/run.js';
import type { TaskRecord } from '../../model/task.js';
import { wait } from '../../time/wait.js';
import { guardListeners } from './guarded.signal.js';
import type { RunServices } from './run.services.js';

/** How long a handler has at the most to obey the abort of a shutdown, in milliseconds: a process has to end in time. */
const SHUTDOWN_GRACE_MS = 5_000;

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
  /** Set when the run has ended here; the lease is held until the store has taken the end. */
  hasEnded = false;
  /** Set when the run was ended without its handler, which still runs. */
  isAbandoned = false;
  /** Set when the handler was not called, since the lease may be over. */
  isTooLate = false;
  /** When the leases were last known to hold, on the monotonic clock. */
  renewedAt: number;
  /** Made when somebody asks for it: most handlers never look at their signal, and it costs more than all the rest. */
  #controller: AbortController | null = null;
  #aborted: RunAbortedError | null = null;
  #abandon: () => void = () => {};
  #cancelTimers: (() => void)[] = [];
  /** When the handler was about to be called, on the monotonic clock. */
  #begunAt = 0;

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
      const what = `A listener of the signal of run "${this.run.id}"`;
      guardListeners(this.#controller.signal, (error) => this.services.logger.error(`${what} failed`, error));
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
    if (this.hasEnded) return;
    const { clock, abortGraceMs } = this.services;
    const isShutdown = reason instanceof ShutdownError;
    const graceMs = isShutdown ? Math.min(abortGraceMs, SHUTDOWN_GRACE_MS) : abortGraceMs;
    // A shutdown does not wait for the end of a longer grace that has begun before.
    if (!this.#aborted || isShutdown) this.#cancelTimers.push(wait(clock, graceMs, () => this.#abandon()));
    if (this.#aborted) return;
    this.#aborted = reason;
    this.#controller?.abort(reason);
  }

  /** The handler is about to be called: its time runs from now on. */
  begin(): void {
    const { clock } = this.services;
    const { timeoutMs } = this.task.policies;
    this.#begunAt = clock.monotonic();
    if (timeoutMs === null) return;
    this.#cancelTimers.push(wait(clock, timeoutMs, () => this.abort(new RunTimeoutError(this.run.id, timeoutMs))));
  }

  /**
   * Waits for the handler, but no longer than a grace time once the run was aborted, such as by its timeout: a handler that
   * ignores its signal must not hold its task up for ever. Never rejects.
   */
  async outcome(handler: Promise<unknown>): Promise<RunOutcome> {
    const outcome = await new Promise<RunOutcome>((resolve) => {
      this.#abandon = () => {
        this.isAbandoned = true;
        resolve({ status: 'failed', error: this.#aborted });
      };
      handler.then(
        (result) => resolve({ status: 'succeeded', result }),
        (error: unknown) => resolve({ status: 'failed', error }),
      );
    });
    for (const cancel of this.#cancelTimers) cancel();
    return this.#judged(outcome, this.services.clock.monotonic() - this.#begunAt);
  }

  /** What a run comes to that was aborted, or that took longer than it may, whatever its handler made of it. */
  #judged(outcome: RunOutcome, tookMs: number): RunOutcome {
    const { timeoutMs } = this.task.policies;
    const aborted = this.#aborted;
    if (aborted instanceof RunCancelledError || aborted instanceof ShutdownError) {
      // An abort that the handler obeyed is no failure of the handler.
      return outcome.status === 'failed' ? { ...outcome, status: 'cancelled' } : outcome;
    }
    // A handler that blocks the process lets no timer abort it.
    const isOverrun = timeoutMs !== null && (aborted instanceof RunTimeoutError || tookMs > timeoutMs);
    if (!isOverrun || isErrorOf(outcome.error, RunTimeoutError)) return outcome;
    return { status: 'failed', error: new RunTimeoutError(this.run.id, timeoutMs, { cause: outcome.error }) };
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
