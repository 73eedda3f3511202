import type { Awaitable } from '../stores/store.interface.js';

/** What the handler of a run may do in steps: see the methods of `TaskContext` with these names. */
export interface StepRunner {
  step<T>(name: string, work: () => Awaitable<T>): Promise<T>;
}
