import type { Apply } from '../../model/change.js';
import { isHeld, runningCount } from '../../model/task.js';
import type { Claimed } from './claim.plan.js';
import { cancelRun } from './cancel.plan.js';
import { extraRun } from './extra.run.js';

/**
 * Adds a run for the start or the stop of a scheduler, and starts it if there is room. Otherwise it waits for its turn like
 * any other run.
 *
 * @param suffix Random text for the ids of the runs.
 * @param claim Starts what waits: see `planClaim`.
 * @returns The plan. It leaves a task that is paused or disabled, runs at its `maxInstances`, or has such a run waiting.
 */
export function runAtStartup(source: 'startup' | 'shutdown', suffix: string, claim: Apply<Claimed>): Apply<Claimed> {
  return (task, now, decided) => {
    const { definition, state } = task;
    const isFull = runningCount(state) >= definition.policies.maxInstances;
    const waits = state.live.some((run) => run.status === 'waiting' && run.source === source);
    if (isHeld(definition, state) || isFull || waits) return null;
    const live = [...state.live, extraRun(task, source, now, suffix)];
    const added = { ...task, state: { ...state, updatedAt: now, live } };
    return claim(added, now, decided) ?? { task: added, value: { definition, start: [], history: [] } };
  };
}

/**
 * Cancels the run that {@link runAtStartup} has added with the same suffix, if it was never started: its scheduler stops, and
 * nobody else is to run it.
 */
export function cancelUnstarted(suffix: string): Apply<Claimed> {
  return (task, now) => {
    const run = task.state.live.find(
      ({ id, status, attempt }) => status === 'waiting' && attempt === 1 && id.endsWith(`-${suffix}`),
    );
    const request = { actor: null, reason: 'the scheduler stopped before there was room for it' };
    const change = run ? cancelRun(task, now, run.id, request) : null;
    return change && { ...change, value: { definition: task.definition, start: [], history: change.history ?? [] } };
  };
}
