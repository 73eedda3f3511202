import { LeaseLostError } from '../../errors/run.errors.js';
import { StepTransactionError } from '../../errors/step.errors.js';
import type { Apply } from '../../model/change.js';
import type { StoredStep } from '../../model/run.js';
import { isUnreadable } from '../../model/task.js';
import type { TaskRecord } from '../../model/task.js';
import type { Store } from '../../stores/store.interface.js';
import { endRuns } from '../plan/end.plan.js';
import type { EndOutcome, RunEnd } from '../plan/end.plan.js';
import { keepSteps } from '../plan/step.plan.js';
import type { StepsOutcome } from '../plan/step.plan.js';
import type { HeldRun } from './held.run.js';
import type { KnownRecords } from './held.tasks.js';
import { lastAttempts } from './last.attempts.js';
import { endOf } from './run.end.js';
import { judgedOutcome } from './run.outcome.js';
import type { RunServices } from './run.services.js';

/** What the transactions of runs go through. */
interface TransactionParts extends RunServices {
  readonly leaseMs: number;
  readonly tasks: Pick<KnownRecords, 'note' | 'adopted'>;
}

/** What a transaction has written about its run. */
interface Written<T> {
  readonly value: T;
  readonly task: TaskRecord | null;
}

/**
 * Runs parts of handlers in transactions of the store's database, in which the step or the end of the run is written, too: what the
 * handler writes is there if that is, and not otherwise. Who has lost the lease is refused, and the transaction rolls back.
 */
export class RunTransactions {
  constructor(
    private readonly store: Store,
    private readonly parts: TransactionParts,
  ) {}

  /** @throws StepTransactionError When the store has no transactions. */
  refuseWithout(run: HeldRun, name: string): void {
    if (this.store.transaction && this.store.capabilities.transactionalChanges) return;
    const problem = `needs a transaction, and the store "${this.parts.alias}" has none. Stores with them: SQL databases`;
    throw new StepTransactionError(run.runId, name, problem);
  }

  /**
   * Keeps a step with what the handler writes.
   *
   * @param work Resolves with the step, when the handler has written.
   */
  async keep(run: HeldRun, work: (transaction: unknown) => Promise<StoredStep>): Promise<StoredStep> {
    const { leaseMs, maxTaskStepBytes } = this.parts;
    let tried: StoredStep | null = null;
    try {
      return await this.#commit<StoredStep, StepsOutcome>(run, work, (step) => {
        tried = step;
        const plan = keepSteps([{ ...run.lease, steps: [step] }], leaseMs, maxTaskStepBytes);
        return { plan, isTaken: ([outcome]) => outcome === 'kept' };
      });
    } catch (error) {
      if (tried && (await this.#isKept(run, tried))) return tried;
      throw error;
    }
  }

  /**
   * Ends the run with what the handler writes.
   *
   * @param work Resolves with the result of the run, when the handler has written.
   */
  async end<T>(run: HeldRun, work: (transaction: unknown) => Promise<T>): Promise<T> {
    let tried: { readonly end: RunEnd; readonly result: T } | null = null;
    try {
      return await this.#commit<T, EndOutcome>(
        run,
        work,
        (result) => {
          const outcome = judgedOutcome(run, { status: 'succeeded', result });
          if (outcome.status !== 'succeeded') throw outcome.error;
          const end = endOf(run, outcome, this.parts);
          tried = { end, result };
          return { plan: endRuns([end]), isTaken: ([one]) => one !== 'refused' };
        },
        (task) => void (run.settled = { end: tried!.end, answer: { outcome: 'ended', task } }),
      );
    } catch (error) {
      // Assigned in a function, which the compiler does not follow.
      const { end, result } = (tried as { readonly end: RunEnd; readonly result: T } | null) ?? {};
      if (!end || !(await this.#hasEnded(end))) throw error;
      run.settled = { end, answer: { outcome: 'ended', task: await this.#lookup(run.taskId) } };
      return result as T;
    }
  }

  async #commit<T, O>(
    run: HeldRun,
    work: (transaction: unknown) => Promise<T>,
    planOf: (value: T) => { readonly plan: Apply<readonly O[]>; readonly isTaken: (outcomes: readonly O[]) => boolean },
    committed: (task: TaskRecord | null) => void = () => {},
  ): Promise<T> {
    const { tasks } = this.parts;
    const { value, task } = await this.store.transaction!(async (transaction): Promise<Written<T>> => {
      const result = await work(transaction);
      if (run.aborted) throw run.aborted;
      const { plan, isTaken } = planOf(result);
      const { committed: changes } = await this.store.transact<readonly O[]>(
        { ids: [run.taskId] },
        (one, now, decided) => plan(tasks.adopted(one), now, decided),
        { transaction },
      );
      const [change] = changes;
      if (!change || !isTaken(change.value)) throw new LeaseLostError(run.runId);
      return { value: result, task: change.task };
    });
    // Before anything else looks at the run, such as a renewal that finds it gone.
    committed(task);
    if (task) tasks.note(task);
    return value;
  }

  /** Whether the database has committed a step although the answer was lost. Never rejects. */
  async #isKept(run: HeldRun, { name, at }: StoredStep): Promise<boolean> {
    const task = await this.#lookup(run.taskId);
    const live = task?.state.live.find(({ id, token }) => id === run.runId && token === run.token);
    return live?.steps?.some((step) => step.name === name && step.at === at) === true;
  }

  async #lookup(taskId: string): Promise<TaskRecord | null> {
    try {
      const task = await this.store.lookupTask(taskId);
      return task && !isUnreadable(task) ? task : null;
    } catch {
      return null;
    }
  }

  /** The same of an end, as far as the history says. Never rejects. */
  async #hasEnded({ runId, token }: RunEnd): Promise<boolean> {
    try {
      const attempts = await lastAttempts(this.store, runId);
      return attempts.some((attempt) => attempt.token === token && attempt.status === 'succeeded');
    } catch {
      return false;
    }
  }
}
