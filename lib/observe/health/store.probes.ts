import type { Clock } from '../../model/clock.js';
import type { StoreHandle } from '../../scheduler/tasks/store.handle.js';
import { StoreProbe } from './store.probe.js';
import type { StoreAnswer } from './store.probe.js';

/** The probes of the stores of a scheduler: metrics and health ask the same ones. */
export class StoreProbes {
  readonly #probes = new WeakMap<StoreHandle, StoreProbe>();

  constructor(private readonly clock: Clock) {}

  /** What a store says that is open. Never rejects, and takes two seconds at the most. */
  ask(handle: StoreHandle): Promise<StoreAnswer> {
    let probe = this.#probes.get(handle);
    if (!probe) this.#probes.set(handle, (probe = new StoreProbe(handle, this.clock)));
    return probe.ask();
  }
}
