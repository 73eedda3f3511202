import type { Change } from '../model/change.js';
import type { TaskRecord } from '../model/task.js';
import type { Transacted } from './store.interface.js';

/** The task as a change leaves it, one version on; null when it is deleted. */
export function changedTask(task: TaskRecord, change: Pick<Change<unknown>, 'task'>): TaskRecord | null {
  return change.task && { ...change.task, version: task.version + 1 };
}

/** Throws the first failure of a `Store.transact` that changed nothing: its caller has then nothing to go on with. */
export function throwIfAllFailed({ committed, failed }: Pick<Transacted<unknown>, 'committed' | 'failed'>): void {
  if (failed[0] && committed.length === 0) throw failed[0].error;
}
