import type { Change } from '../../model/change.js';
import { isUnreadable } from '../../model/task.js';
import type { TaskRecord } from '../../model/task.js';
import { copyAgain, holdRenamed, isBusy, releaseRenamed, removeCopied, renamingOf } from '../plan/rename.plan.js';
import type { RenameStep } from '../plan/rename.plan.js';
import type { DeploySurvey, Rename } from './deploy.survey.js';
import type { StoreHandle } from './store.handle.js';

/** How often the old task may be changed by somebody else while it is copied, until that is left for later. */
const MAX_ROUNDS = 10;

/**
 * `gone`: there is nothing to rename any more, or the new id is taken. `waiting`: a run of the task is under way, or somebody
 * keeps changing it; it is to be tried again.
 */
export type Renamed = 'renamed' | 'gone' | 'waiting';

/**
 * Gives a task its new id, as far as that goes now; may be called again at any time, by any number of schedulers, after whatever
 * has become of an earlier call.
 *
 * @param isExpected Whether the task is still what was planned: one that is not is left alone, and counts as gone.
 */
export async function renameTask(
  survey: DeploySurvey,
  { from, to }: Rename,
  isExpected: (source: TaskRecord) => boolean = () => true,
): Promise<Renamed> {
  const { handle } = survey;
  for (let round = 0; round < MAX_ROUNDS; round += 1) {
    const { task: source } = await step(handle, from, (task, now) =>
      isExpected(task) ? holdRenamed(task, now, to) : null,
    );
    if (source && isPart(source, 'source', to)) {
      const now = await handle.store.now();
      if (isBusy(source, now)) return 'waiting';
      const copied = await place(handle, survey.renamed(source, now, to), from, source.version);
      if (copied === null) {
        await keepOldId(handle, from);
        return 'gone';
      }
      if (copied === source.version) await step(handle, from, (task) => removeCopied(task, copied));
      const left = await handle.store.lookupTask(from);
      // It was changed after it was copied.
      if (left !== null && (isUnreadable(left) || left.version >= copied)) continue;
      // A version that is lower than that of the copy is of another task, which was added since.
      if (left !== null) await keepOldId(handle, from);
    }
    const { task, isChanged } = await step(handle, to, (there, now) =>
      isPart(there, 'copy', from) ? releaseRenamed(there, now) : null,
    );
    if (task && isChanged) handle.wakeFor(task);
    return isChanged ? 'renamed' : 'gone';
  }
  return 'waiting';
}

/** Lets a task that is held for its new id go on under its old one. */
export async function keepOldId(handle: StoreHandle, from: string): Promise<void> {
  const { task, isChanged } = await step(handle, from, (there, now) =>
    renamingOf(there)?.part === 'source' ? releaseRenamed(there, now) : null,
  );
  if (task && isChanged) handle.wakeFor(task);
}

/** Puts the copy under its id. Returns the version that what is there was made of; null when that is no copy of the task. */
async function place(
  handle: StoreHandle,
  copy: TaskRecord,
  from: string,
  sourceVersion: number,
): Promise<number | null> {
  const taken = await handle.store.addTasks([copy]);
  if (taken.length === 0) return sourceVersion;
  const { task } = await step(handle, copy.id, (there) => copyAgain(there, copy));
  return task && isPart(task, 'copy', from) ? renamingOf(task)!.version : null;
}

function isPart(task: TaskRecord, part: 'source' | 'copy', other: string): boolean {
  const renaming = renamingOf(task);
  return renaming?.part === part && renaming.other === other;
}

/** One step on one task. Returns it as it is now: null where it is not there, or cannot be read. */
async function step(
  { store }: StoreHandle,
  id: string,
  plan: (task: TaskRecord, now: number) => Change<RenameStep> | null,
): Promise<{ readonly task: TaskRecord | null; readonly isChanged: boolean }> {
  const { committed, left, failed } = await store.transact({ ids: [id] }, plan);
  if (failed[0]) throw failed[0].error;
  return { task: committed[0]?.task ?? left[0] ?? null, isChanged: committed.length > 0 };
}
