import { isDeepStrictEqual } from 'node:util';
import { RunNotDeadError, RunNotFoundError, RunUnreadableError, TaskReplacedError } from '../../errors/run.errors.js';
import {
  TaskConflictError,
  TaskNotFoundError,
  TaskUnreadableError,
  VersionConflictError,
} from '../../errors/task.errors.js';
import type { RunRecord, RunRequest } from '../../model/run.js';
import { initialState } from '../../model/task.defaults.js';
import { isUnreadable } from '../../model/task.js';
import type { TaskRecord } from '../../model/task.js';
import { unreadOutcome } from '../../persistence/run-error.js';
import { isSpent } from '../plan/end.plan.js';
import { controlled } from '../plan/control.plan.js';
import type { StoreHandle } from './store.handle.js';
import { waitingRun } from '../plan/waiting-run.js';

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
export async function redriveRun(
  handle: StoreHandle,
  runId: string,
  taskId: string,
  request: RunRequest,
): Promise<void> {
  let task = await readableTask(handle, taskId);
  let back: TaskRecord | null = null;
  try {
    for (let round = 1; ; round += 1) {
      const dead = await deadRun(handle, runId);
      const tried: number = task?.version ?? 0;
      if (task !== null) {
        if (task !== back) refuseOther(task, dead);
        if (await redriveIn(handle, task, dead, request)) return;
        task = await readableTask(handle, taskId);
      } else {
        // Without the run, so that nobody starts that before it was looked at again.
        back = await bringBack(handle, dead);
        task = back ?? (await readableTask(handle, taskId));
      }
      if (round === ROUNDS) throw new VersionConflictError(taskId, tried, task?.version ?? 0);
    }
  } catch (error) {
    // What it failed with is what is told, also where the store is away by now.
    if (back) await takeBack(handle, taskId).catch(() => {});
    throw error;
  }
}

async function readableTask(handle: StoreHandle, id: string): Promise<TaskRecord | null> {
  const task = await handle.lookup(id);
  if (task && isUnreadable(task)) throw new TaskUnreadableError(id, task.unreadable, task.message);
  return task;
}

async function deadRun(handle: StoreHandle, runId: string): Promise<RunRecord> {
  const { runs } = await handle.target.runs({ runId }, { limit: ATTEMPTS });
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
  const state = { ...initialState(handle.clock.now()), exhausted: true, lastToken: dead.token };
  const task: TaskRecord = { id, version: 1, definition, state };
  try {
    await handle.target.addTask(task);
    return task;
  } catch (error) {
    if (error instanceof TaskConflictError) return null;
    throw error;
  }
}

async function takeBack(handle: StoreHandle, taskId: string): Promise<void> {
  await handle.target.transact({ ids: [taskId] }, (task) =>
    isSpent(task) ? { task: null, history: [], value: null } : null,
  );
}

/** Returns false when the task is not any more what was read. */
async function redriveIn(
  handle: StoreHandle,
  task: TaskRecord,
  dead: RunRecord,
  request: RunRequest,
): Promise<boolean> {
  if (task.state.live.some(({ id }) => id === dead.id)) throw new RunNotDeadError(dead.id, 'under way');
  const revived: RunRecord = { ...dead, dead: false, definition: null };
  const { committed, failed } = await handle.target.transact({ ids: [task.id] }, (current, now) =>
    isUnchanged(current, task)
      ? { task: { ...current, state: withRun(current, dead, request, now) }, history: [revived], value: null }
      : null,
  );
  if (failed[0]) throw failed[0].error;
  return committed.length > 0;
}

/** Versions begin anew when a task is added anew. */
function isUnchanged(current: TaskRecord, read: TaskRecord): boolean {
  return current.version === read.version && current.state.createdAt === read.state.createdAt;
}

/** A task that is younger than the run is another one that has got the id: it may do the same, or not. */
function refuseOther({ id, definition, state }: TaskRecord, dead: RunRecord): void {
  if (state.createdAt <= (dead.startedAt ?? dead.endedAt)) return;
  refuseUnread(dead);
  const isSame =
    definition.handler === (dead.definition?.handler ?? dead.handler) &&
    (!dead.definition || isDeepStrictEqual(definition.args, dead.definition.args));
  if (!isSame) throw new TaskReplacedError(dead.id, id);
}

function refuseUnread({ id, error }: RunRecord): void {
  if (unreadOutcome(error) !== undefined) throw new RunUnreadableError(id, error!.message);
}

function withRun({ state }: TaskRecord, dead: RunRecord, request: RunRequest, now: number): TaskRecord['state'] {
  const { id, scheduledTime, coalesced } = dead;
  const run = waitingRun({
    id,
    source: 'redrive',
    scheduledTime,
    attempt: dead.attempt + 1,
    availableAt: now,
    coalesced,
    request,
  });
  const next = controlled(state, 'redrive', now, request);
  return { ...next, lastToken: Math.max(state.lastToken, dead.token), live: [...state.live, run] };
}
