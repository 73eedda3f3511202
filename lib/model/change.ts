import type { JournalEntry } from './journal.js';
import type { RunRecord } from './run.js';
import type { TaskDefinition } from './definition.js';
import type { TaskLease, TaskRecord } from './task.js';

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
  /** Entries of the journal: see `StoreCapabilities.journal`. None when left out. */
  readonly journal?: readonly JournalEntry[];
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
  readonly from: TaskStand;
  /** The task as it is to be, or null to delete it. The store sets the version. */
  readonly task: TaskRecord | null;
  /** Ended runs that are written in the same step. None when left out. */
  readonly history?: readonly RunRecord[];
}

/**
 * What tells one writing of a task from every other: what a {@link KnownChange} was made from.
 *
 * @publicApi
 */
export interface TaskStand {
  readonly id: string;
  /** Must be the one in the store. */
  readonly version: number;
  /** Must be the one in the store, too: versions begin anew when a task is removed and added again, tokens do not. */
  readonly lastToken: number;
  /** Is written only if the task as it is to be has another object. */
  readonly definition: TaskDefinition;
}

/**
 * The stand of a task that was read or written.
 *
 * @publicApi
 */
export function standOf({ id, version, state: { lastToken }, definition }: TaskRecord): TaskStand {
  return { id, version, lastToken, definition };
}

/**
 * A task that was taken.
 *
 * @publicApi
 */
export interface TakenTask {
  /**
   * The task as it was before, its version, its last token and its lease, too. The latter is one that had expired: its scheduler
   * died and may have begun a run.
   */
  readonly task: TaskRecord;
  /** The lease that it is under now: the stored task has it, its token as the last one, and a version that is one larger. */
  readonly lease: TaskLease;
}

/**
 * The stand of a task that was taken.
 *
 * @publicApi
 */
export function standUnder({ task, lease }: TakenTask): TaskStand {
  return { id: task.id, version: task.version + 1, lastToken: lease.token, definition: task.definition };
}
