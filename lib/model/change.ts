import type { RunRecord } from './run.js';
import type { TaskRecord } from './task.js';

/**
 * What is to become of one task.
 *
 * @publicApi
 */
export interface Change<T> {
  /** The task as it is to be, or null to delete it. The store sets the version. */
  readonly task: TaskRecord | null;
  /** Ended runs that are written in the same step. None when left out. */
  readonly history?: readonly RunRecord[];
  /** What the caller gets back when the change was committed. */
  readonly value: T;
}

/**
 * Decides what becomes of a task. Pure and synchronous: a store may call it again, for the same task or for another one
 * instead of it, when another scheduler was faster. Only committed answers count, so a function that counts does not count
 * its own calls. It counts from `decided`.
 *
 * @param storeNow The store's clock, in milliseconds since the epoch.
 * @param decided The values of the changes of this call of `transact` that stand so far: those that are committed, and those
 * that are about to be written. What another scheduler was faster with is not among them.
 * @returns null to leave the task as it is.
 *
 * @publicApi
 */
export type Apply<T> = (task: TaskRecord, storeNow: number, decided: readonly T[]) => Change<T> | null;

/**
 * A change that is known without reading the task again, by who holds a run of it or has just read it. It is written only if
 * the task in the store is still the one that it was made from.
 *
 * @publicApi
 */
export interface KnownChange {
  /**
   * The task as it was read or written last. Its version must be the one in the store, and so must `state.lastToken`: versions
   * begin anew when a task is removed and added again, tokens do not. The definition is written only if it is another object.
   */
  readonly from: TaskRecord;
  /** The task as it is to be, or null to delete it. The store sets the version. */
  readonly task: TaskRecord | null;
  /** Ended runs that are written in the same step. None when left out. */
  readonly history?: readonly RunRecord[];
}
