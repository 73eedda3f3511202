import { InvalidOptionError, rejectUnknownOptions } from '../../errors/input.errors.js';
import { LeaseLostError } from '../../errors/run.errors.js';
import {
  DuplicateStepError,
  RunSuspendedError,
  StepLimitError,
  StepOutsideRunError,
  StepResultError,
  StepTransactionError,
} from '../../errors/step.errors.js';
import { messageOf } from '../../errors/thrown.js';
import type {
  SleepOptions,
  StepOptions,
  StepRunner,
  TransactionArguments,
  TransactionWork,
} from '../../executors/steps.interface.js';
import type { Duration } from '../../model/duration.js';
import { namesOf } from '../../model/names.js';
import type { RetryPolicy } from '../../model/retry.js';
import type { StoredStep } from '../../model/run.js';
import {
  MIN_SNOOZE_MS,
  MAX_RUN_STEP_BYTES,
  MAX_STEP_BYTES,
  MAX_STEP_NAME,
  MAX_STEPS,
  sizeOfStep,
} from '../../model/step.bounds.js';
import type { Awaitable } from '../../stores/store.interface.js';
import type { RunSleep } from '../plan/end.plan.js';
import { tryStep } from './step.tries.js';
import { wakeTime } from './wake.time.js';
import type { SteppedRun, StepServices } from './stepped.run.js';

/** What the end of a run is called among its steps. */
const END = 'end of the run';

const STEP_OPTIONS = namesOf<keyof StepOptions>({ retry: 0 });
const SLEEP_OPTIONS = namesOf<keyof SleepOptions>({ name: 0 });

/** The steps of one attempt. Made when its handler asks for the first one. */
export class RunSteps implements StepRunner {
  /** How the handler has put the run off: its end does so, whatever the handler comes to. null where it has not. */
  asleep: RunSleep | null = null;
  /** Those that are over, by name. */
  readonly #stored: Map<string, StoredStep>;
  /** The names that this attempt has asked for. */
  readonly #asked = new Set<string>();
  /** The steps that are under way. */
  readonly #working = new Set<Promise<unknown>>();
  #bytes = 0;
  /** How many transactions are open. */
  #transactions = 0;
  /** How many sleeps without a name this attempt has asked for. */
  #sleeps = 0;

  constructor(
    private readonly run: SteppedRun,
    private readonly services: StepServices,
  ) {
    const { steps = [] } = run.run;
    this.#stored = new Map(steps.map((step) => [step.name, step]));
    for (const step of steps) this.#bytes += sizeOfStep(step);
  }

  step<T>(name: string, work: () => Awaitable<T>, options: StepOptions = {}): Promise<T> {
    return heldBack(this.#step(name, work, options));
  }

  sleep(until: Duration | Date, options: SleepOptions = {}): Promise<void> {
    return heldBack(this.#sleep(until, options));
  }

  snooze(until: Duration | Date): Promise<never> {
    return heldBack(this.#snooze(until));
  }

  transaction<T>(...given: TransactionArguments<T>): Promise<T> {
    return heldBack(this.#transaction(...given));
  }

  async #transaction<T>(...given: TransactionArguments<T>): Promise<T> {
    const [name, work] = given.length === 1 ? [null, given[0]] : given;
    const stored = name === null ? this.#refuseOver(END) : this.#begin(name);
    if (typeof work !== 'function') throw new InvalidOptionError('transaction', work, 'a function');
    if (stored) return this.#valueOf(stored) as T;
    if (this.asleep) throw this.#suspended();
    this.run.refuseTransaction(name ?? END);
    this.#transactions += 1;
    try {
      return await (name === null ? this.#commitEnd(work) : this.#commitStep(name, work));
    } finally {
      this.#transactions -= 1;
    }
  }

  /** The run ends with the transaction; what its handler comes to after that changes nothing. */
  #commitEnd<T>(work: TransactionWork<T>): Promise<T> {
    return this.run.commitEnd(async (transaction) => work(transaction as never));
  }

  async #commitStep<T>(name: string, work: TransactionWork<T>): Promise<T> {
    this.#refuseMore(name);
    const step = await this.run.inSpan(name, () =>
      this.run.commitStep(async (transaction) => {
        const made = this.#made(name, await work(transaction as never));
        this.#refuseLarge(made);
        return made;
      }),
    );
    this.#stored.set(name, step);
    return this.#valueOf(step) as T;
  }

  async #sleep(given: Duration | Date, options: SleepOptions): Promise<void> {
    rejectUnknownOptions('sleep', options, SLEEP_OPTIONS);
    const { name = `sleep ${(this.#sleeps += 1)}` } = options;
    const stored = this.#begin(name);
    const now = this.services.storeClock.now();
    const until = stored ? this.#sleepOf(stored) : wakeTime(given, now);
    if (until <= now) return;
    if (stored) this.#suspend({ until, steps: [] });
    this.#refuseMore(name);
    const step = { name, at: now, until };
    this.#refuseLarge(step);
    this.#stored.set(name, step);
    this.#suspend({ until, steps: [step] });
  }

  async #snooze(given: Duration | Date): Promise<never> {
    this.#refuseOver('snooze');
    const now = this.services.storeClock.now();
    return this.#suspend({ until: Math.max(wakeTime(given, now), now + MIN_SNOOZE_MS), steps: [] });
  }

  #sleepOf({ name, until }: StoredStep): number {
    if (until !== undefined) return until;
    throw new StepResultError(this.run.runId, name, 'is that of a step, and the code asks for a sleep of that name.');
  }

  /** Has the run put off. */
  #suspend({ until, steps }: RunSleep): never {
    const before = this.asleep;
    // Of several sleeps the first one to end ends all of them; the handler then asks for the others again.
    this.asleep = before
      ? { until: Math.min(before.until, until), steps: [...before.steps, ...steps] }
      : { until, steps };
    throw this.#suspended();
  }

  #suspended(): RunSuspendedError {
    return new RunSuspendedError(this.run.runId, new Date(this.asleep!.until));
  }

  /** The names of what is stored and this attempt has not asked for. */
  unasked(): readonly string[] {
    return [...this.#stored.keys()].filter((name) => !this.#asked.has(name));
  }

  /** Resolves when no step is under way any more; null where none is. */
  idle(): Promise<void> | null {
    return this.#working.size === 0 ? null : this.#idle();
  }

  async #idle(): Promise<void> {
    while (this.#working.size > 0) await Promise.allSettled(this.#working);
  }

  async #step<T>(name: string, work: () => Awaitable<T>, options: StepOptions): Promise<T> {
    rejectUnknownOptions('step', options, STEP_OPTIONS);
    const policy = options.retry === undefined ? null : this.services.retryOf(options.retry);
    const stored = this.#begin(name);
    if (typeof work !== 'function') throw new InvalidOptionError(`step ${name}`, work, 'a function');
    if (stored) return this.#valueOf(stored) as T;
    // The handler goes on although its run is put off: what it begins now would be done beside the next call.
    if (this.asleep) throw this.#suspended();
    this.#refuseMore(name);
    const tried = policy ? () => this.#tried(name, work, policy) : work;
    const working = this.run.inSpan(name, () => this.#work(name, tried));
    this.#working.add(working);
    try {
      return (await working) as T;
    } finally {
      this.#working.delete(working);
    }
  }

  #tried<T>(name: string, work: () => Awaitable<T>, policy: RetryPolicy): Promise<T> {
    const refuseOver = () => {
      this.#refuseOver(name);
      if (this.asleep) throw this.#suspended();
    };
    return tryStep(work, policy, { signal: this.run.signal, refuseOver }, this.services);
  }

  async #work(name: string, work: () => unknown): Promise<unknown> {
    return this.#keep(name, await work());
  }

  /**
   * @returns What is stored of it.
   * @throws InvalidOptionError, DuplicateStepError, StepOutsideRunError, RunAbortedError
   */
  #begin(name: string): StoredStep | undefined {
    if (typeof name !== 'string' || name === '' || name.length > MAX_STEP_NAME || /\p{Surrogate}/u.test(name)) {
      throw new InvalidOptionError('step', name, `a name for the step, a text of 1 to ${MAX_STEP_NAME} characters`);
    }
    this.#refuseOver(name);
    if (this.#asked.has(name)) throw new DuplicateStepError(this.run.runId, name);
    this.#asked.add(name);
    return this.#stored.get(name);
  }

  /** @throws StepOutsideRunError, RunAbortedError */
  #refuseOver(name: string): undefined {
    const { run } = this;
    // It would wait for the transaction, on a database with one connection, and the transaction for it.
    if (this.#transactions > 0) throw new StepTransactionError(run.runId, name, 'is begun while a transaction is open');
    if (run.hasEnded) throw new StepOutsideRunError(run.runId, name);
    if (run.aborted) throw run.aborted;
    // A process that was frozen goes on here; what it does now, its successor may have done.
    if (!run.holds()) this.#lost();
  }

  /** @throws StepLimitError */
  #refuseMore(name: string): void {
    if (this.#stored.size < MAX_STEPS) return;
    throw new StepLimitError(
      this.run.runId,
      name,
      `the run has ${MAX_STEPS} steps already`,
      `${MAX_STEPS} steps a run`,
    );
  }

  /** Has the result of a step stored. Returns a copy of it, as the next attempt gets it. */
  async #keep(name: string, value: unknown): Promise<unknown> {
    if (this.run.hasEnded) throw new StepOutsideRunError(this.run.runId, name);
    const step = this.#made(name, value);
    const bytes = this.#refuseLarge(step);
    const outcome = await this.run.keepStep(step);
    if (outcome === 'refused') this.#lost();
    if (outcome === 'too-large') this.#refuse(name, bytes, 'less for the steps of all runs of the task together');
    this.#stored.set(name, step);
    return this.#valueOf(step);
  }

  /** Counts a step. Returns how many bytes it takes. @throws StepLimitError */
  #refuseLarge(step: StoredStep): number {
    const bytes = sizeOfStep(step);
    if (bytes > MAX_STEP_BYTES) this.#refuse(step.name, bytes, `${MAX_STEP_BYTES} bytes a step`);
    if (this.#bytes + bytes > MAX_RUN_STEP_BYTES) {
      this.#refuse(step.name, this.#bytes + bytes, `${MAX_RUN_STEP_BYTES} bytes for all steps of a run`);
    }
    this.#bytes += bytes;
    return bytes;
  }

  #made(name: string, value: unknown): StoredStep {
    const result = this.#written(name, value);
    if (result === null) {
      const what = `it takes more than ${MAX_STEP_BYTES} bytes`;
      throw new StepLimitError(this.run.runId, name, what, `${MAX_STEP_BYTES} bytes a step`);
    }
    return { name, at: this.services.storeClock.now(), ...(result !== undefined && { result }) };
  }

  #written(name: string, value: unknown): string | undefined | null {
    try {
      return this.services.stepValues.write(value);
    } catch (error) {
      throw new StepResultError(this.run.runId, name, `cannot be stored: ${messageOf(error)}`, { cause: error });
    }
  }

  #valueOf({ name, result, until }: StoredStep): unknown {
    if (until !== undefined) {
      throw new StepResultError(this.run.runId, name, 'is that of a sleep, and the code asks for a step of that name.');
    }
    try {
      return this.services.stepValues.read(result);
    } catch (error) {
      throw new StepResultError(this.run.runId, name, `cannot be read: ${messageOf(error)}`, { cause: error });
    }
  }

  #refuse(name: string, bytes: number, allowed: string): never {
    throw new StepLimitError(this.run.runId, name, `it takes ${bytes} bytes`, allowed);
  }

  #lost(): never {
    this.run.leaseLost();
    throw this.run.aborted ?? new LeaseLostError(this.run.runId);
  }
}

/** A promise that may be left alone: one that rejects and that nobody awaits would end the process. */
function heldBack<T>(promise: Promise<T>): Promise<T> {
  promise.catch(() => {});
  return promise;
}
