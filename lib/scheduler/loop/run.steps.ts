import { InvalidOptionError } from '../../errors/input.errors.js';
import { LeaseLostError } from '../../errors/run.errors.js';
import { DuplicateStepError, StepLimitError, StepOutsideRunError, StepResultError } from '../../errors/step.errors.js';
import { messageOf } from '../../errors/thrown.js';
import type { StepRunner } from '../../executors/steps.interface.js';
import type { LiveRun, StoredStep } from '../../model/run.js';
import { MAX_RUN_STEP_BYTES, MAX_STEP_BYTES, MAX_STEP_NAME, MAX_STEPS, sizeOfStep } from '../../model/step.bounds.js';
import type { Awaitable } from '../../stores/store.interface.js';
import type { StoreClock } from '../../time/store.clock.js';
import type { StepsOutcome } from '../plan/step.plan.js';

/** The run that steps are of. */
export interface SteppedRun {
  readonly runId: string;
  /** The run as it was claimed. */
  readonly run: Pick<LiveRun, 'steps'>;
  readonly hasEnded: boolean;
  /** Why it was aborted; null when it was not. */
  readonly aborted: Error | null;
  /** Whether its lease still holds, as far as this process knows. */
  holds(): boolean;
  /** Its lease is found to be lost: aborts it. */
  leaseLost(): void;
  /** Keeps a step with it: see `StepWrites`. */
  keepStep(step: StoredStep): Promise<StepsOutcome>;
}

/** How the results of steps are written as text, and read. */
export interface StepValues {
  /** @throws Error For a value that cannot be written. */
  write(value: unknown): string | undefined;
  /** @throws Error For text that cannot be read. */
  read(text: string | undefined): unknown;
}

/** What the steps of runs need of their scheduler. */
export interface StepServices {
  readonly storeClock: Pick<StoreClock, 'now'>;
  readonly stepValues: StepValues;
}

/** The steps of one attempt. Made when its handler asks for the first one. */
export class RunSteps implements StepRunner {
  /** Those that are over, by name. */
  readonly #stored: Map<string, StoredStep>;
  /** The names that this attempt has asked for. */
  readonly #asked = new Set<string>();
  #bytes = 0;

  constructor(
    private readonly run: SteppedRun,
    private readonly services: StepServices,
  ) {
    const { steps = [] } = run.run;
    this.#stored = new Map(steps.map((step) => [step.name, step]));
    for (const step of steps) this.#bytes += sizeOfStep(step);
  }

  step<T>(name: string, work: () => Awaitable<T>): Promise<T> {
    return heldBack(this.#step(name, work));
  }

  async #step<T>(name: string, work: () => Awaitable<T>): Promise<T> {
    this.#begin(name);
    if (typeof work !== 'function') throw new InvalidOptionError(`step ${name}`, work, 'a function');
    const stored = this.#stored.get(name);
    if (stored) return this.#valueOf(stored) as T;
    this.#refuseMore(name);
    return (await this.#keep(name, await work())) as T;
  }

  /** @throws InvalidOptionError, DuplicateStepError, StepOutsideRunError, RunAbortedError */
  #begin(name: string): void {
    const { run } = this;
    if (typeof name !== 'string' || name === '' || name.length > MAX_STEP_NAME || /\p{Surrogate}/u.test(name)) {
      throw new InvalidOptionError('step', name, `a name for the step, a text of 1 to ${MAX_STEP_NAME} characters`);
    }
    if (run.hasEnded) throw new StepOutsideRunError(run.runId, name);
    if (run.aborted) throw run.aborted;
    // A process that was frozen goes on here; what it does now, its successor may have done.
    if (!run.holds()) this.#lost();
    if (this.#asked.has(name)) throw new DuplicateStepError(run.runId, name);
    this.#asked.add(name);
  }

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
    const bytes = sizeOfStep(step);
    if (bytes > MAX_STEP_BYTES) this.#refuse(name, bytes, `${MAX_STEP_BYTES} bytes a step`);
    if (this.#bytes + bytes > MAX_RUN_STEP_BYTES) {
      this.#refuse(name, this.#bytes + bytes, `${MAX_RUN_STEP_BYTES} bytes for all steps of a run`);
    }
    this.#bytes += bytes;
    const outcome = await this.run.keepStep(step);
    if (outcome === 'refused') this.#lost();
    if (outcome === 'too-large') this.#refuse(name, bytes, 'less for the steps of all runs of the task together');
    this.#stored.set(name, step);
    return this.#valueOf(step);
  }

  #made(name: string, value: unknown): StoredStep {
    try {
      const result = this.services.stepValues.write(value);
      return { name, at: this.services.storeClock.now(), ...(result !== undefined && { result }) };
    } catch (error) {
      throw new StepResultError(this.run.runId, name, `cannot be stored: ${messageOf(error)}`, { cause: error });
    }
  }

  #valueOf({ name, result }: StoredStep): unknown {
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
