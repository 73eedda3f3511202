import type { LiveRun, StoredStep } from '../../model/run.js';
import type { StoreClock } from '../../time/store.clock.js';
import type { StepsOutcome } from '../plan/step.plan.js';
import type { TryServices } from './step.tries.js';

/** The run that steps are of. */
export interface SteppedRun {
  readonly runId: string;
  /** The run as it was claimed. */
  readonly run: Pick<LiveRun, 'steps'>;
  readonly hasEnded: boolean;
  readonly signal: AbortSignal;
  /** Why it was aborted; null when it was not. */
  readonly aborted: Error | null;
  /** Whether its lease still holds, as far as this process knows. */
  holds(): boolean;
  /** Calls a step, within a span where somebody traces. */
  inSpan<T>(name: string, work: () => Promise<T>): Promise<T>;
  /** Its lease is found to be lost: aborts it. */
  leaseLost(): void;
  /** Keeps a step with it: see `StepWrites`. */
  keepStep(step: StoredStep): Promise<StepsOutcome>;
  /** @throws StepTransactionError Where its store has no transactions. */
  refuseTransaction(name: string): void;
  /** Keeps a step in a transaction: see `RunTransactions`. */
  commitStep(work: (transaction: unknown) => Promise<StoredStep>): Promise<StoredStep>;
  /** Ends it in a transaction. */
  commitEnd<T>(work: (transaction: unknown) => Promise<T>): Promise<T>;
}

/** How the results of steps are written as text, and read. */
export interface StepValues {
  /** @returns null for a value that is far too large. @throws Error For one that cannot be written. */
  write(value: unknown): string | undefined | null;
  /** @throws Error For text that cannot be read. */
  read(text: string | undefined): unknown;
}

/** What the steps of runs need of their scheduler. */
export interface StepServices extends TryServices {
  readonly storeClock: Pick<StoreClock, 'now'>;
  readonly stepValues: StepValues;
}
