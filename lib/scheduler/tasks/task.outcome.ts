import { TaskNotFoundError, TaskUnreadableError } from '../../errors/task.errors.js';
import type { TaskRecord } from '../../model/task.js';
import type { Transacted } from '../../stores/store.interface.js';
import type { StoreHandle } from './store.handle.js';

/** A change of one task that is in its store. */
export interface Outcome<T> {
  readonly id: string;
  readonly handle: StoreHandle;
  /** The task as it is now; null when it was deleted because it has nothing left to run. */
  readonly task: TaskRecord | null;
  /** What the plan gave; null when it left the task as it was. */
  readonly value: T | null;
  /** False in a transaction of the caller, which may still roll back. */
  readonly isCommitted: boolean;
}

/** @throws TaskNotFoundError, TaskUnreadableError, and what the plan has thrown. */
export function outcomeOf<T>(id: string, handle: StoreHandle, transaction: unknown, done: Transacted<T>): Outcome<T> {
  const { committed, left, missing, unreadable, failed } = done;
  if (missing.length > 0) throw new TaskNotFoundError(id, `the store "${handle.alias}"`);
  if (unreadable[0]) throw new TaskUnreadableError(id, unreadable[0].unreadable, unreadable[0].message);
  if (failed[0]) throw failed[0].error;
  const isCommitted = transaction === undefined;
  const [changed] = committed;
  return changed
    ? { handle, isCommitted, ...changed }
    : { id, handle, isCommitted, task: left[0] ?? null, value: null };
}

/** Has schedulers look for a task that was changed. What is not committed yet is due for nobody; the store tells when it is. */
export function wakeFor({ handle, task, isCommitted }: Outcome<unknown>): void {
  if (task && isCommitted) handle.wakeFor(task);
}
