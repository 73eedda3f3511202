import { AsyncLocalStorage } from 'node:async_hooks';
import { createHash } from 'node:crypto';
import { LifecycleError } from '../errors/run.errors.js';
import type { TaskDefinition } from '../model/definition.js';
import type { Duration } from '../model/duration.js';
import type { RunSource, RunStatus } from '../model/run.js';
import type { LastRun } from '../model/task.js';
import type { Awaitable } from '../stores/store.interface.js';
import type { SleepOptions, StepOptions, StepRunner, TransactionWork } from './steps.interface.js';
import type { TaskLog } from './task-log.js';

/**
 * The attempt of a task that ended last before a run was claimed.
 *
 * @publicApi
 */
export interface PreviousRun {
  readonly runId: string;
  readonly status: RunStatus;
  /** null when its handler was not called. */
  readonly startedAt: Date | null;
  readonly endedAt: Date;
}

/**
 * The context of a run: the last argument of every handler. Code that the handler calls gets it with
 * {@link TaskContext.current}.
 *
 * @publicApi
 */
export class TaskContext {
  /** @internal */
  constructor(private readonly run: TaskContextSource) {}

  /** @internal What it is made from, for executors that make it once more elsewhere. */
  static sourceOf(context: TaskContext): TaskContextSource {
    return context.run;
  }

  /**
   * The context of the run that the calling code is part of, however deep below the handler.
   *
   * @returns undefined outside of a run.
   */
  static current(): TaskContext | undefined {
    return storage.getStore();
  }

  /** The task: its id, name, handler and tags. */
  get task(): Pick<TaskDefinition, 'id' | 'name' | 'handler' | 'tags'> {
    return this.run.task;
  }

  /** The alias of the store that the task is kept in. */
  get store(): string {
    return this.run.store;
  }

  /** The identity of the scheduler that carries the run out. */
  get scheduler(): string {
    return this.run.scheduler;
  }

  /** Task id and scheduled time: the same on every node and for every attempt. */
  get runId(): string {
    return this.run.runId;
  }

  /**
   * A key for systems that do a request with the same key once: the same on every node and for every attempt of the run, and
   * another one for every other run. 64 hexadecimal digits, whatever the id of the task is.
   */
  get idempotencyKey(): string {
    return createHash('sha256').update(this.run.runId).digest('hex');
  }

  /** The time that the run is for, which may be earlier than now. */
  get scheduledTime(): Date {
    return new Date(this.run.scheduledTime);
  }

  /** When this attempt was started, by the clock of the store: what the history says, too. */
  get startedAt(): Date {
    return new Date(this.run.startedAt);
  }

  /** How much later than its scheduled time the attempt was started, in milliseconds: jitter and earlier attempts count, too. */
  get latenessMs(): number {
    return Math.max(0, this.run.startedAt - this.run.scheduledTime);
  }

  /**
   * When the `timeout` of the task aborts the run, by the clock of the machine; null when there is none. Nobody knows beforehand
   * when a cancellation or a shutdown does: {@link signal} tells.
   */
  get deadline(): Date | null {
    const { deadline } = this.run;
    return deadline === null ? null : new Date(deadline);
  }

  /** From 1; larger when an earlier attempt failed or its process died. */
  get attempt(): number {
    return this.run.attempt;
  }

  /**
   * Whether the `retry` of the task allows no further attempt if this one fails. Without a `retry` it does not, and a
   * `RetryLaterError` asks for one all the same.
   */
  get isLastAttempt(): boolean {
    return this.run.isLastAttempt;
  }

  /**
   * The attempt of the task that ended last before this run was claimed: of a run that is tried again, its own attempt before.
   * null when none has ended.
   */
  get previousRun(): PreviousRun | null {
    const { lastRun } = this.run;
    if (lastRun === null) return null;
    const { id, status, startedAt, endedAt } = lastRun;
    return {
      runId: id,
      status,
      startedAt: startedAt === null ? null : new Date(startedAt),
      endedAt: new Date(endedAt),
    };
  }

  /**
   * Reads from the history what the handler returned in {@link previousRun}.
   *
   * @returns undefined when there is none, when it did not succeed, or when its record is not kept.
   * @throws StoreUnavailableError, and whatever else the store throws.
   */
  async previousResult(): Promise<unknown> {
    return this.run.lastRun?.status === 'succeeded' ? await this.run.previousResult() : undefined;
  }

  /**
   * The fencing token: larger for every start of every run of the task. Pass it to the systems that the handler writes to,
   * and let them refuse a smaller one, so that a process that was frozen does not overwrite the work of its successor.
   */
  get token(): number {
    return this.run.token;
  }

  /** What made the run. */
  get source(): RunSource {
    return this.run.source;
  }

  /** How many other due times this run stands for. */
  get coalesced(): number {
    return this.run.coalesced;
  }

  /**
   * Aborted when the run is cancelled, exceeds its timeout, loses its lease, or is stopped by a shutdown. Its `reason` is an
   * error that says which. A long handler should obey it.
   */
  get signal(): AbortSignal {
    return this.run.signal;
  }

  /** A logger that names the run and its attempt, and keeps the lines with the run. */
  get log(): TaskLog {
    return this.run.log;
  }

  /** The span of this attempt, as the W3C header `traceparent` has it; null where the scheduler traces nothing. */
  get traceparent(): string | null {
    return this.run.traceparent;
  }

  /** Emits `run.progress` with any value. */
  progress(value: unknown): void {
    this.run.progress(value);
  }

  /**
   * Goes on with a generator that the handler gave: see `Lifecycles`.
   *
   * @throws LifecycleError When the task cannot have one.
   * @internal
   */
  tick(made: HandlerGenerator): Promise<unknown> {
    const { lifecycles } = this.run;
    if (!lifecycles) throw new LifecycleError(this.run.runId, this.run.task.handler);
    return lifecycles.tick(this, made);
  }

  /**
   * Does a part of the run once. What `work` gives back is stored with the run before this resolves; the next attempt, after a
   * failure, a killed process or a deploy, gets that back and does not call `work`. A process that dies between the end of `work`
   * and the write calls it once more.
   *
   * @param name What tells the step from the others of the run: a text of 1 to 200 characters, the same in each attempt.
   * @param work What is to be done. A step that throws is not stored.
   * @returns A copy of what `work` gave back, as it is stored: plain data, `Date`, `Map`, `Set` and the like, up to 64 KiB.
   * @throws InvalidOptionError, UnknownOptionError For a name, a function or a retry that is none.
   * @throws DuplicateStepError When this attempt has begun a step of that name already.
   * @throws StepOutsideRunError When the run is over.
   * @throws StepResultError, StepLimitError When the result cannot be stored, or is too large; the run is dead then.
   * @throws RunAbortedError When the run was aborted before, or its lease is lost.
   */
  step<T>(name: string, work: () => Awaitable<T>, options?: StepOptions): Promise<T> {
    return this.run.steps.step(name, work, options);
  }

  /**
   * Puts the run off: it gives its place back, and the same attempt goes on later, on whichever node. The handler is then called
   * from its first line; its steps give their stored results back, and this resolves. Survives restarts, and counts neither as an
   * attempt nor as a failure.
   *
   * @param until For how long, such as `'2h'`, or until when, at most ten years. Resolves at once where that is past.
   * @throws RunSuspendedError When the run is put off: let it pass, so that the handler ends.
   * @throws InvalidOptionError, UnknownOptionError, DuplicateStepError, StepOutsideRunError, RunAbortedError
   */
  sleep(until: Duration | Date, options?: SleepOptions): Promise<void> {
    return this.run.steps.sleep(until, options);
  }

  /**
   * Puts the run off as {@link sleep} does, and keeps nothing of it: called again, the handler decides anew. For what is not
   * ready yet. It sleeps for a second at the least.
   *
   * @throws RunSuspendedError Always, unless an argument is refused or the run is over: let it pass.
   * @throws InvalidOptionError, StepOutsideRunError, RunAbortedError
   */
  snooze(until: Duration | Date): Promise<never> {
    return this.run.steps.snooze(until);
  }

  /**
   * Runs `work` in a transaction of the store's database, and ends the run in the same commit: what `work` writes through the
   * manager is there if the run has succeeded, once, and not otherwise. The result of the run is that of `work`; what the handler
   * does afterwards changes nothing about it. With a name it is a {@link step} instead, whose result is stored in the commit.
   *
   * @param name As for {@link step}.
   * @param work Gets the `EntityManager` of TypeORM. Whatever it does elsewhere is not taken back by a rollback.
   * @throws StepTransactionError When the store has no transactions, or one of this run is open.
   * @throws RunAbortedError When the run was aborted, or its lease is lost: the transaction is rolled back.
   * @throws InvalidOptionError, DuplicateStepError, StepOutsideRunError, RunSuspendedError, StepResultError, StepLimitError
   */
  transaction<T, Manager = never>(work: TransactionWork<T, Manager>): Promise<T>;
  transaction<T, Manager = never>(name: string, work: TransactionWork<T, Manager>): Promise<T>;
  transaction<T>(...given: [work: TransactionWork<T>] | [name: string, work: TransactionWork<T>]): Promise<T> {
    return this.run.steps.transaction(...given);
  }
}

/** What the call of a generator gives. */
export type HandlerGenerator = Generator<unknown, unknown, TaskContext> | AsyncGenerator<unknown, unknown, TaskContext>;

/** Goes on with the generators of this process. */
export interface Ticking {
  tick(context: TaskContext, made: HandlerGenerator): Promise<unknown>;
}

/** What a {@link TaskContext} is made from. Nothing of it is worked out before the handler asks. */
export interface TaskContextSource {
  readonly task: Pick<TaskDefinition, 'id' | 'name' | 'handler' | 'tags'>;
  readonly store: string;
  readonly scheduler: string;
  readonly runId: string;
  /** Milliseconds since the epoch, as all times here. */
  readonly scheduledTime: number;
  readonly startedAt: number;
  readonly deadline: number | null;
  readonly attempt: number;
  readonly isLastAttempt: boolean;
  readonly lastRun: LastRun | null;
  /** What the handler returned in the last run; undefined when that is not kept. */
  readonly previousResult: () => Promise<unknown>;
  readonly token: number;
  readonly source: RunSource;
  readonly coalesced: number;
  readonly signal: AbortSignal;
  readonly log: TaskLog;
  readonly traceparent: string | null;
  readonly progress: (value: unknown) => void;
  /** null, or left out, where a handler cannot be a generator. */
  readonly lifecycles?: Ticking | null;
  readonly steps: StepRunner;
}

const storage = new AsyncLocalStorage<TaskContext>();

/**
 * Calls a function as part of a run: code below gets the context with {@link TaskContext.current}. The library does this for
 * handlers; a test does it with a context of `createTaskContext`.
 *
 * @returns What the function returns.
 * @publicApi
 */
export function runInTaskContext<T>(context: TaskContext, work: () => T): T {
  return storage.run(context, work);
}
