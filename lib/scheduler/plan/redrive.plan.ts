import { isDeepStrictEqual } from 'node:util';
import { RunNotDeadError } from '../../errors/run.errors.js';
import type { Change } from '../../model/change.js';
import { inputOf } from '../../model/definition.js';
import type { TaskDefinition } from '../../model/definition.js';
import type { RunRecord, RunRequest } from '../../model/run.js';
import { initialState } from '../../model/task.defaults.js';
import type { TaskRecord } from '../../model/task.js';
import { changeTo } from './change.js';
import { refuseDisabled } from './disabled.plan.js';
import { controlled } from './control.plan.js';
import { isSpent } from './change.js';
import { waitingRun } from './waiting.run.js';

/**
 * Gives a dead run one more attempt, under its own id and after its steps; its record is not dead any more. Only the version of the task that
 * was `read` before the history is changed, because no step of the store reads the history.
 *
 * @returns null when the task is another version by now.
 * @throws InvalidTaskStateError When the code has disabled the task.
 * @throws RunNotDeadError When the run is under way again.
 */
export function redriveRun(
  task: TaskRecord,
  now: number,
  read: TaskRecord,
  dead: RunRecord,
  request: RunRequest,
): Change<null> | null {
  if (!isSameVersion(task, read)) return null;
  refuseDisabled(task, 'redriven');
  const { state } = task;
  if (state.live.some(({ id }) => id === dead.id)) throw new RunNotDeadError(dead.id, 'under way');
  const { steps, ...record } = dead;
  const { id, scheduledTime, coalesced } = record;
  const run = waitingRun({
    id,
    source: 'redrive',
    scheduledTime,
    attempt: dead.attempt + 1,
    availableAt: now,
    coalesced,
    request,
    ...(steps && { steps }),
  });
  const next = {
    ...controlled(state, 'redrive', now, request),
    lastToken: Math.max(state.lastToken, dead.token),
    live: [...state.live, run],
  };
  // Whatever the policy of the task: it takes the place of the record that says dead.
  return { ...changeTo({ ...task, state: next }, null), history: [{ ...record, dead: false, definition: null }] };
}

/** Versions begin again at 1 when a task of the same id is added again. */
function isSameVersion(task: TaskRecord, read: TaskRecord): boolean {
  return task.version === read.version && task.state.createdAt === read.state.createdAt;
}

/**
 * The task of a dead run, as it was when the run ended, with nothing to run: so that nobody starts the run before it was
 * looked at again.
 *
 * @param now Milliseconds since the epoch, by the store's clock.
 */
export function restoredTask(dead: RunRecord, definition: TaskDefinition, now: number): TaskRecord {
  const state = { ...initialState(now), exhausted: true, lastToken: dead.token };
  return { id: dead.taskId, version: 1, definition, state };
}

/** Deletes a task that was restored for a redrive which then failed; null when it has something to run by now. */
export function dropRestored(task: TaskRecord): Change<null> | null {
  return isSpent(task) ? changeTo(task, null) : null;
}

/** Whether the task is younger than the run: another task that has got the id. */
export function isYounger({ state }: TaskRecord, dead: RunRecord): boolean {
  return state.createdAt > (dead.startedAt ?? dead.endedAt);
}

/** Whether the task does what the task of the dead run did. */
export function doesTheSame({ definition }: TaskRecord, dead: RunRecord): boolean {
  return (
    definition.handler === (dead.definition?.handler ?? dead.handler) &&
    (!dead.definition || isDeepStrictEqual(inputOf(definition), inputOf(dead.definition)))
  );
}
