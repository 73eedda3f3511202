import { RunNotDeadError, RunNotFoundError, RunUnreadableError, TaskReplacedError } from '../../errors/run.errors.js';
import {
  TaskConflictError,
  TaskNotFoundError,
  TaskUnreadableError,
  VersionConflictError,
} from '../../errors/task.errors.js';
import type { RunRecord, RunRequest } from '../../model/run.js';
import { isUnreadable } from '../../model/task.js';
import type { TaskRecord } from '../../model/task.js';
import { transactJournaled } from '../../stores/journaled.js';
import { unreadOutcome } from '../../persistence/run-error.js';
import type { JournalNotes } from '../plan/journal.notes.js';
import { doesTheSame, dropRestored, isYounger, redriveRun, restoredTask } from '../plan/redrive.plan.js';
import type { StoreHandle } from './store.handle.js';

/** How many attempts of a run are looked through for the latest one. */
const ATTEMPTS = 1_000;

/** How often it is begun anew because the task was changed in the meantime. */
const ROUNDS = 100;

/**
 * Gives a dead run one more attempt, under its own id. Where its task is gone, that comes back for as long as it takes.
 *
 * Whether the run is dead says the history, which no step of the store reads. So the task is read first, and the step is
 * for that very version of it: whoever redrives a run changes its task.
 *
 * @throws RunNotFoundError, RunNotDeadError, RunUnreadableError, TaskReplacedError, TaskNotFoundError, TaskUnreadableError,
 * VersionConflictError
 */
export async function redriveDeadRun(
  handle: StoreHandle,
  runId: string,
  taskId: string,
  request: RunRequest,
  notes: JournalNotes,
): Promise<void> {
  let task = await readableTask(handle, taskId);
  let back: TaskRecord | null = null;
  try {
    for (let round = 1; ; round += 1) {
      const dead = await deadRun(handle, runId);
      const tried: number = task?.version ?? 0;
      if (task !== null) {
        if (task !== back) refuseOther(task, dead);
        if (await redriveIn(handle, task, dead, request, notes)) return;
        task = await readableTask(handle, taskId);
      } else {
        // Without the run, so that nobody starts that before it was looked at again.
        back = await bringBack(handle, dead);
        task = back ?? (await readableTask(handle, taskId));
      }
      if (round === ROUNDS) throw new VersionConflictError(taskId, tried, task?.version ?? 0);
    }
  } catch (error) {
    // The caller gets the first error, also if the store is unreachable by now.
    if (back) await dropTask(handle, taskId).catch(() => {});
    throw error;
  }
}

async function readableTask(handle: StoreHandle, id: string): Promise<TaskRecord | null> {
  const task = await handle.lookup(id);
  if (task && isUnreadable(task)) throw new TaskUnreadableError(id, task.unreadable, task.message);
  return task;
}

async function deadRun(handle: StoreHandle, runId: string): Promise<RunRecord> {
  const { runs } = await handle.activeStore.runs({ runId }, { limit: ATTEMPTS });
  const latest = runs.reduce<RunRecord | null>((last, run) => (last && last.token > run.token ? last : run), null);
  if (!latest) throw new RunNotFoundError(runId);
  if (!latest.dead) throw new RunNotDeadError(runId, latest.status);
  return latest;
}

/** Adds the task as it was when the run had ended. Returns null when somebody else was faster. */
async function bringBack(handle: StoreHandle, dead: RunRecord): Promise<TaskRecord | null> {
  refuseUnread(dead);
  const { taskId: id, definition } = dead;
  if (!definition) throw new TaskNotFoundError(id, `the store "${handle.alias}"`);
  const task = restoredTask(dead, definition, handle.clock.now());
  try {
    await handle.activeStore.addTask(task);
    return task;
  } catch (error) {
    if (error instanceof TaskConflictError) return null;
    throw error;
  }
}

async function dropTask(handle: StoreHandle, taskId: string): Promise<void> {
  await handle.activeStore.transact({ ids: [taskId] }, dropRestored);
}

/** Returns false when the task was changed since it was read. */
async function redriveIn(
  handle: StoreHandle,
  read: TaskRecord,
  dead: RunRecord,
  request: RunRequest,
  notes: JournalNotes,
): Promise<boolean> {
  const { committed, failed } = await transactJournaled(
    handle.activeStore,
    { ids: [read.id] },
    notes.noted<null>(
      'run.redriven',
      request,
      (task, now) => redriveRun(task, now, read, dead, request),
      () => ({ runId: dead.id }),
    ),
  );
  if (failed[0]) throw failed[0].error;
  return committed.length > 0;
}

/** A task that is younger than the run is another one that has got the id: it may do the same, or not. */
function refuseOther(task: TaskRecord, dead: RunRecord): void {
  if (!isYounger(task, dead)) return;
  refuseUnread(dead);
  if (!doesTheSame(task, dead)) throw new TaskReplacedError(dead.id, task.id);
}

function refuseUnread({ id, error }: RunRecord): void {
  if (unreadOutcome(error) !== undefined) throw new RunUnreadableError(id, error!.message);
}
