import type { StoredStep } from '../../model/run.js';
import type { Store } from '../../stores/store.interface.js';
import type { StepsOutcome } from '../plan/step.plan.js';
import type { HeldRun } from './held.run.js';
import type { HeldTasks } from './held.tasks.js';
import { OutputWrites } from './output.writes.js';
import type { RunServices } from './run.services.js';
import { RunSteps } from './run.steps.js';
import type { SteppedRun } from './stepped.run.js';
import { RunTransactions } from './run.transactions.js';
import { StepWrites } from './step.writes.js';
import type { HealthMonitor } from './store.health.js';

/** Where steps are kept. */
export interface StepKeeping {
  readonly store: Store;
  /** How long a lease holds, in milliseconds. */
  readonly leaseMs: number;
  readonly health: HealthMonitor;
}

interface SteppingParts extends RunServices, StepKeeping {
  readonly tasks: Pick<HeldTasks, 'note' | 'adopted'>;
  readonly leases: {
    /** Whether the lease of a run still holds, as far as this process knows. */
    holds(run: HeldRun): boolean;
    leaseLost(run: HeldRun): void;
  };
}

/** What the handlers of one store do in steps and say meanwhile, and where that goes. */
export class RunStepping {
  readonly writes: StepWrites;
  readonly output: OutputWrites;
  readonly transactions: RunTransactions;

  constructor(private readonly parts: SteppingParts) {
    this.writes = new StepWrites(parts.store, parts);
    this.output = new OutputWrites(parts);
    this.transactions = new RunTransactions(parts.store, parts);
  }

  stepsOf(run: HeldRun): RunSteps {
    return new RunSteps(new StepsOfHeldRun(run, this, this.parts.leases), this.parts);
  }

  /** Gives up what the store has not taken. */
  close(): void {
    this.writes.close();
    this.output.close();
  }
}

/** A run as its steps see it. */
class StepsOfHeldRun implements SteppedRun {
  constructor(
    private readonly held: HeldRun,
    private readonly stepping: Pick<RunStepping, 'writes' | 'transactions'>,
    private readonly leases: SteppingParts['leases'],
  ) {}

  get runId() {
    return this.held.runId;
  }

  get run() {
    return this.held.run;
  }

  get hasEnded() {
    return this.held.hasEnded || this.held.settled !== null;
  }

  get signal() {
    return this.held.signal;
  }

  get aborted() {
    return this.held.aborted;
  }

  holds(): boolean {
    return this.leases.holds(this.held);
  }

  inSpan<T>(name: string, work: () => Promise<T>): Promise<T> {
    const { span } = this.held;
    return span === null ? work() : span.step(name, work);
  }

  leaseLost(): void {
    this.leases.leaseLost(this.held);
  }

  keepStep(step: StoredStep): Promise<StepsOutcome> {
    return this.stepping.writes.keep(this.held, step);
  }

  refuseTransaction(name: string): void {
    this.stepping.transactions.refuseWithout(this.held, name);
  }

  commitStep(work: (transaction: unknown) => Promise<StoredStep>): Promise<StoredStep> {
    return this.stepping.transactions.keep(this.held, work);
  }

  commitEnd<T>(work: (transaction: unknown) => Promise<T>): Promise<T> {
    return this.stepping.transactions.end(this.held, work);
  }
}
