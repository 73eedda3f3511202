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
  /** Ended runs to be written in the same step. */
  readonly history: readonly RunRecord[];
  /** What the caller wants back when the change was committed. */
  readonly value: T;
}

/**
 * Decides what becomes of a task. Pure and synchronous: a store may call it again with a newer record when another one
 * was faster, and only the committed call counts.
 *
 * @param storeNow The store's clock, in milliseconds since the epoch.
 * @returns null to leave the task as it is.
 *
 * @publicApi
 */
export type Apply<T> = (task: TaskRecord, storeNow: number) => Change<T> | null;
