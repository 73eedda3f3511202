import { RunTimeoutError, ShutdownError } from '../../errors/run.errors.js';
import type { RunAbortedError } from '../../errors/run.errors.js';
import { guardListeners } from '../../executors/guarded.signal.js';
import { runEvent } from '../../events/run.event.js';
import type { RunEvent } from '../../events/event.map.js';
import type { Lifecycles } from '../../executors/lifecycle.js';
import type { TaskContextSource } from '../../executors/task-context.js';
import type { TaskLog } from '../../executors/task-log.js';
import type { TaskDefinition } from '../../model/definition.js';
import { isLastAttempt } from '../../model/retry.js';
import type { LeaseRef, LiveRun, RunSource } from '../../model/run.js';
import type { StoredOutput } from '../../model/run.output.js';
import type { LastRun, TaskRecord } from '../../model/task.js';
import type { RunSpan } from '../../observe/meter/tracing.js';
import type { LogFields } from '../../model/logger.js';
import { wait } from '../../time/wait.js';
import type { RunSleep } from '../plan/end.plan.js';
import type { StartPermit } from './rate.permits.js';
import { resultOf } from './last.attempts.js';
import type { RunOrigin, RunStart } from './run.origin.js';
import { outputBefore, RunOutput } from './run.output.js';
import type { RunServices } from './run.services.js';
import { judgedOutcome } from './run.outcome.js';
import type { RunOutcome } from './run.outcome.js';
import type { SettledEnd } from './end.answer.js';
import type { RunSteps } from './run.steps.js';

/** How long a handler has at the most to obey the abort of a shutdown, in milliseconds: a process has to end in time. */
const SHUTDOWN_GRACE_MS = 5_000;

const NO_LEASES: readonly LeaseRef[] = [];

/** Who carries a run out. */
export interface RunCarrier {
  /** The run is over: its handler has ended, or has not obeyed its signal in time. */
  ended(run: HeldRun, outcome: RunOutcome): void;
  /** The handler of a run has ended that was over before. */
  handlerEnded(run: HeldRun): void;
  /** The steps of a run. */
  stepsOf(run: HeldRun): RunSteps;
  /** The handler of a run has written to its log, or has told of its progress. */
  said(run: HeldRun): void;
}

/**
 * One attempt that this process holds the lease of, from the claim to its history. The context of the handler, the record and
 * the events of the run are views of it.
 */
export class HeldRun implements TaskContextSource, LeaseRef {
  readonly taskId: string;
  readonly runId: string;
  readonly token: number;
  readonly scheduledTime: number;
  readonly attempt: number;
  readonly source: RunSource;
  /** How many attempts were lost in a row, up to the one before this. */
  readonly lost: number;
  readonly task: TaskDefinition;
  /** What it needs to start, where its starts are limited. */
  permit: StartPermit | null = null;
  /** Set when the run was started, or given back without a start. */
  isStarted = false;
  /** Set when a lease is lost: the run is aborted, and only what it has done to its end is offered to the store. */
  isFenced = false;
  /** Set when the run has ended here; the lease is held until the store has taken the end. */
  hasEnded = false;
  /** Set when the run was ended without its handler, which still runs. */
  isAbandoned = false;
  /** Set when the handler is called. */
  isCalled = false;
  /** Set when the handler was not called, since the lease may be over. */
  isTooLate = false;
  /** The span of the attempt, from the call of the handler on; null where nobody traces. */
  span: RunSpan | null = null;
  /** When the handler was called, on the monotonic clock, and how long it took, in milliseconds; null where nobody measures. */
  calledAt: number | null = null;
  measuredMs: number | null = null;
  /** When the leases were last known to hold, on the monotonic clock. */
  renewedAt: number;
  /** Made when somebody asks for it: most handlers never look at their signal, and it costs more than all the rest. */
  #controller: AbortController | null = null;
  #aborted: RunAbortedError | null = null;
  #cancelTimers: (() => void)[] | null = null;
  /** When the handler was about to be called, on the monotonic clock. */
  #begunAt = 0;
  /** Set from the call of the handler until the run is over. */
  #carrier: RunCarrier | null = null;
  #lateCarrier: RunCarrier | null = null;
  /** Made when the handler asks for it. */
  #output: RunOutput | null = null;
  #steps: RunSteps | null = null;
  #keeper: Pick<RunCarrier, 'stepsOf' | 'said'> | null = null;
  /** Set when a transaction of its handler has ended it: the store has its end, whatever its handler comes to. */
  settled: SettledEnd | null = null;

  /**
   * @param start What the claim started: of a simple task no more than that is known, and {@link record} and {@link run} are
   *   worked out when somebody asks for them.
   * @param origin What the claim made of the task.
   * @param claimedAt When the store was asked for the run, on the monotonic clock: its lease began then or later.
   * @param extraLeases The leases that the run needs beside its own: a slot of its group.
   */
  constructor(
    { id, definition }: Pick<TaskRecord, 'id' | 'definition'>,
    start: RunStart,
    private readonly origin: RunOrigin,
    private readonly services: RunServices,
    claimedAt: number,
    readonly extraLeases: readonly LeaseRef[] = NO_LEASES,
  ) {
    this.taskId = id;
    this.task = definition;
    this.runId = start.id;
    this.token = start.token;
    this.scheduledTime = start.scheduledTime;
    this.attempt = start.attempt;
    this.source = start.source;
    this.lost = start.lost;
    this.renewedAt = claimedAt;
  }

  /** The task as the claim has made it. */
  get record(): TaskRecord {
    return this.origin.record;
  }

  get run(): LiveRun {
    return this.origin.run;
  }

  /** The lease of the run, and those that it needs beside it. */
  get leases(): readonly LeaseRef[] {
    return [this.lease, ...this.extraLeases];
  }

  get lease(): LeaseRef {
    return { taskId: this.taskId, runId: this.runId, token: this.token };
  }

  get store(): string {
    return this.services.alias;
  }

  get coalesced(): number {
    return this.simpleSince === null ? this.run.coalesced : 0;
  }

  /** See `RunOrigin`. */
  get simpleSince(): number | null {
    return this.origin.simpleSince;
  }

  get signal(): AbortSignal {
    if (!this.#controller) {
      this.#controller = new AbortController();
      const what = `A listener of the signal of run "${this.runId}"`;
      guardListeners(this.#controller.signal, (error) =>
        this.services.logger.error(`${what} failed`, error, this.logFields),
      );
      if (this.#aborted) this.#controller.abort(this.#aborted);
    }
    return this.#controller.signal;
  }

  get log(): TaskLog {
    return this.#said.log;
  }

  get scheduler(): string {
    return this.services.identity;
  }

  get startedAt(): number {
    return this.simpleSince ?? this.run.startedAt!;
  }

  get deadline(): number | null {
    const { timeoutMs } = this.task.policies;
    if (timeoutMs === null) return null;
    const { clock } = this.services;
    return clock.now() + Math.round(this.#begunAt + timeoutMs - clock.monotonic());
  }

  get isLastAttempt(): boolean {
    return isLastAttempt(this.task.policies.retry, this.attempt);
  }

  get lastRun(): LastRun | null {
    return this.record.state.lastRun;
  }

  /** Tasks that are added at run time may be any number: their generators would stay until the stop. */
  get lifecycles(): Lifecycles | null {
    return this.task.origin === 'code' ? this.services.lifecycles : null;
  }

  previousResult(): Promise<unknown> {
    return resultOf(this.lastRun!, this.services.history);
  }

  get traceparent(): string | null {
    return this.span?.traceparent ?? null;
  }

  progress(value: unknown): void {
    this.#said.progress(value);
    this.services.events.emit('run.progress', { ...this.event(), value });
  }

  /** What its handler has said so far, as it is to be kept; undefined for nothing. */
  get output(): StoredOutput | undefined {
    return this.#output ? this.#output.stored() : outputBefore(this);
  }

  get #said(): RunOutput {
    return (this.#output ??= new RunOutput(this, this.services, () => this.#keeper?.said(this)));
  }

  /** The steps of the run; made when its handler asks for one. */
  get steps(): RunSteps {
    return (this.#steps ??= this.#keeper!.stepsOf(this));
  }

  /** How its handler has put it off; null where it has not. */
  get sleep(): RunSleep | null {
    return this.#steps?.asleep ?? null;
  }

  /** What every line of the log about it carries. */
  get logFields(): LogFields {
    const { taskId: task, runId: run, attempt, store } = this;
    return { task, run, handler: this.task.handler, attempt, store };
  }

  /** What every event of the run carries. */
  event(): RunEvent {
    return runEvent(this, this.services.alias);
  }

  get tookMs(): number {
    return this.isCalled ? this.services.clock.monotonic() - this.#begunAt : 0;
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
    if (!this.#aborted || isShutdown) this.#cancelLater(wait(clock, graceMs, () => this.#abandon()));
    if (this.#aborted) return;
    this.#aborted = reason;
    this.#controller?.abort(reason);
  }

  /** The run is handed to its executor, which may let it wait. */
  begin(carrier: RunCarrier): void {
    this.#carrier = carrier;
    this.#keeper = carrier;
  }

  /** The handler is about to be called: its time runs from now on. */
  called(): void {
    this.isCalled = true;
    const { timeoutMs } = this.task.policies;
    if (timeoutMs === null) return;
    const { clock } = this.services;
    this.#begunAt = clock.monotonic();
    this.#cancelLater(wait(clock, timeoutMs, () => this.abort(new RunTimeoutError(this.runId, timeoutMs))));
  }

  /** The handler has returned. */
  readonly returned = (result: unknown): void => this.#handlerOver({ status: 'succeeded', result });

  /** The handler has thrown, or what it has returned was rejected. */
  readonly threw = (error: unknown): void => this.#handlerOver({ status: 'failed', error });

  /** Of one that is put off, the steps that are under way beside the sleep are waited for: nobody would hear of their results. */
  #handlerOver(outcome: RunOutcome): void {
    const idle = this.sleep && this.#steps!.idle();
    if (idle) void idle.then(() => this.#over(outcome));
    else this.#over(outcome);
  }

  /**
   * A handler that ignores its signal must not hold its task up for ever: once the run was aborted, such as by its timeout, it
   * has a grace time.
   */
  #abandon(): void {
    if (!this.#carrier) return;
    this.isAbandoned = true;
    this.#lateCarrier = this.#carrier;
    this.#over({ status: 'failed', error: this.#aborted });
  }

  #over(outcome: RunOutcome): void {
    const carrier = this.#carrier;
    if (!carrier) {
      const late = this.#lateCarrier;
      this.#lateCarrier = null;
      late?.handlerEnded(this);
      return;
    }
    this.#carrier = null;
    if (this.#cancelTimers) for (const cancel of this.#cancelTimers) cancel();
    carrier.ended(this, judgedOutcome(this, outcome));
  }

  #cancelLater(cancel: () => void): void {
    (this.#cancelTimers ??= []).push(cancel);
  }
}
