import type {
  AddOptions,
  Apply,
  ClaimPlan,
  ClaimRequest,
  ClaimResult,
  LeaseRef,
  RenewResult,
  Selection,
  TaskRecord,
  Transacted,
} from 'nestjs-asyncz/store';
import { ClusterStore } from './memory.cluster.js';

interface Calls {
  addTask: TaskRecord;
  claimDue: ClaimRequest;
  transact: Selection;
  updateTask: TaskRecord;
  renewLeases: readonly LeaseRef[];
}

type Hooks = { [Name in keyof Calls]?: (argument: Calls[Name]) => Promise<void> | void };

/** Tells of its calls, and lets a test come in before or after them. */
export class HookedStore extends ClusterStore {
  readonly before: Hooks = {};
  readonly after: Hooks = {};
  readonly calls: Record<keyof Calls, number> = {
    addTask: 0,
    claimDue: 0,
    transact: 0,
    updateTask: 0,
    renewLeases: 0,
  };

  override addTask(task: TaskRecord, options?: AddOptions): Promise<void> {
    return this.#call('addTask', task, () => super.addTask(task, options));
  }

  override claimDue(request: ClaimRequest, plan: ClaimPlan): Promise<ClaimResult> {
    return this.#call('claimDue', request, () => super.claimDue(request, plan));
  }

  override transact<T>(selection: Selection, apply: Apply<T>): Promise<Transacted<T>> {
    return this.#call('transact', selection, () => super.transact(selection, apply));
  }

  override updateTask(task: TaskRecord, expectedVersion: number): Promise<void> {
    return this.#call('updateTask', task, () => super.updateTask(task, expectedVersion));
  }

  override renewLeases(runs: readonly LeaseRef[], leaseMs: number): Promise<RenewResult> {
    return this.#call('renewLeases', runs, () => super.renewLeases(runs, leaseMs));
  }

  async #call<Name extends keyof Calls, T>(name: Name, argument: Calls[Name], work: () => T | Promise<T>): Promise<T> {
    this.calls[name] += 1;
    await (this.before[name] as ((given: Calls[Name]) => Promise<void> | void) | undefined)?.(argument);
    const result = await work();
    await (this.after[name] as ((given: Calls[Name]) => Promise<void> | void) | undefined)?.(argument);
    return result;
  }
}
