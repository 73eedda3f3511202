import { InvalidOptionError } from '../errors/input.errors.js';
import { RunNotDeadError, RunNotFoundError } from '../errors/run.errors.js';
import { TaskConflictError } from '../errors/task.errors.js';
import type { RunRecord, RunRequest } from '../model/run.js';
import { initialState } from '../model/task.defaults.js';
import type { TaskRecord } from '../model/task.js';
import { controlled } from './control.options.js';
import type { StoreHandle } from './store.handle.js';
import { waitingRun } from './waiting-run.js';

/** How many attempts of a run are looked through for the latest one. */
const ATTEMPTS = 1_000;

/**
 * Gives a dead run one more attempt, under its own id. Where its task went with it, the task comes back for as long as
 * that takes.
 *
 * @throws RunNotFoundError, RunNotDeadError
 */
export async function redriveRun(handle: StoreHandle, runId: string, request: RunRequest): Promise<void> {
  const dead = await latestAttempt(handle, runId);
  if (!dead.dead) throw new RunNotDeadError(runId, dead.status);
  const revived: RunRecord = { ...dead, dead: false };
  const inPlace = await redriveInTask(handle, revived, request);
  if (inPlace) return;
  if (!dead.definition) {
    throw new InvalidOptionError('runId', runId, 'a run whose task is there: this one was deleted, not finished');
  }
  const now = handle.clock.now();
  const task: TaskRecord = {
    id: dead.taskId,
    version: 1,
    definition: dead.definition,
    state: { ...initialState(now), exhausted: true, lastToken: dead.token },
  };
  try {
    await handle.target.addTask({ ...task, state: withRun(task, dead, request, now) });
  } catch (error) {
    // Somebody else was faster, and the task is there now.
    if (!(error instanceof TaskConflictError) || !(await redriveInTask(handle, revived, request))) throw error;
    return;
  }
  await handle.target.saveRuns([revived]);
}

async function latestAttempt(handle: StoreHandle, runId: string): Promise<RunRecord> {
  const { runs } = await handle.target.runs({ runId }, { limit: ATTEMPTS });
  const latest = runs.reduce<RunRecord | null>((last, run) => (last && last.token > run.token ? last : run), null);
  if (!latest) throw new RunNotFoundError(runId);
  return latest;
}

/** Returns false when the task is not there. */
async function redriveInTask(handle: StoreHandle, revived: RunRecord, request: RunRequest): Promise<boolean> {
  const { committed, missing, failed } = await handle.target.transact({ ids: [revived.taskId] }, (task, now) =>
    task.state.live.some(({ id }) => id === revived.id)
      ? null
      : { task: { ...task, state: withRun(task, revived, request, now) }, history: [revived], value: null },
  );
  if (failed[0]) throw failed[0].error;
  if (missing.length > 0) return false;
  if (committed.length === 0) throw new RunNotDeadError(revived.id, 'under way');
  return true;
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
