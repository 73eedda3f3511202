import type { AddOptions, Apply, Selection, StoreCapabilities, TaskRecord, Transacted } from 'nestjs-asyncz/store';
import type { Disk } from './eight-method.store.js';
import { ClusterStore, TakingClusterStore } from './memory.cluster.js';

interface Calls {
  addTask: TaskRecord;
  /** A `transact` of due tasks. */
  claim: Selection;
  transact: Selection;
  updateTask: TaskRecord;
}

type Hooks = { [Name in keyof Calls]?: (argument: Calls[Name]) => Promise<void> | void };

/** Counts its calls, and lets a test come in before or after them. */
export class HookedStore extends ClusterStore {
  readonly before: Hooks = {};
  readonly after: Hooks = {};
  override readonly capabilities: StoreCapabilities;
  readonly calls: Record<keyof Calls, number> = { addTask: 0, claim: 0, transact: 0, updateTask: 0 };

  /** @param takes Whether claims take tasks. */
  constructor(disk: Disk, takes = false) {
    super(disk);
    this.capabilities = new (takes ? TakingClusterStore : ClusterStore)(disk).capabilities;
  }

  override addTask(task: TaskRecord, options?: AddOptions): Promise<void> {
    return this.#call('addTask', task, () => super.addTask(task, options));
  }

  override transact<T>(selection: Selection, apply: Apply<T>): Promise<Transacted<T>> {
    const transact = () => this.#call('transact', selection, () => super.transact(selection, apply));
    return 'due' in selection ? this.#call('claim', selection, transact) : transact();
  }

  override updateTask(task: TaskRecord, expectedVersion: number): Promise<void> {
    return this.#call('updateTask', task, () => super.updateTask(task, expectedVersion));
  }

  async #call<Name extends keyof Calls, T>(name: Name, argument: Calls[Name], work: () => T | Promise<T>): Promise<T> {
    this.calls[name] += 1;
    await (this.before[name] as ((given: Calls[Name]) => Promise<void> | void) | undefined)?.(argument);
    const result = await work();
    await (this.after[name] as ((given: Calls[Name]) => Promise<void> | void) | undefined)?.(argument);
    return result;
  }
}
