import type { Apply } from '../../model/change.js';
import type { LeaseRef, LiveRun, StoredStep } from '../../model/run.js';
import { sizeOfStep, sizeOfSteps } from '../../model/step.bounds.js';
import { isHeld } from './end.plan.js';

/** Steps of one run that are over, as whoever holds its lease wants them kept. */
export interface StepsOver extends LeaseRef {
  readonly steps: readonly StoredStep[];
}

/**
 * What became of the steps of one run: `refused` where its lease was lost, `too-large` where those of all runs of the task take
 * more than is kept.
 */
export type StepsOutcome = 'kept' | 'refused' | 'too-large';

/**
 * Keeps steps with their runs, all of one task, and renews the leases of these. A step that is kept already, by a call whose answer
 * was lost, is kept once.
 *
 * @param leaseMs How long the leases hold from now on, in milliseconds.
 * @param maxBytes How many bytes the steps of all runs of the task may take.
 * @returns The plan. Its value says for each run, in order, what became of its steps.
 */
export function keepSteps(
  writes: readonly StepsOver[],
  leaseMs: number,
  maxBytes: number,
): Apply<readonly StepsOutcome[]> {
  return (task, now) => {
    let { live } = task.state;
    let bytes = live.reduce((sum, run) => sum + sizeOfSteps(run), 0);
    const outcomes = writes.map(({ steps, ...ref }): StepsOutcome => {
      const run = live.find((one) => isHeld(one, ref));
      if (!run) return 'refused';
      const added = newTo(run, steps);
      const more = added.reduce((sum, step) => sum + sizeOfStep(step), 0);
      if (more > 0 && bytes + more > maxBytes) return 'too-large';
      bytes += more;
      const kept: LiveRun = { ...run, leaseUntil: now + leaseMs, steps: [...(run.steps ?? []), ...added] };
      live = live.map((one) => (one === run ? kept : one));
      return 'kept';
    });
    // What is too large is told by the value of a change: a task that is left as it is tells nothing.
    if (outcomes.every((one) => one === 'refused')) return null;
    return { task: { ...task, state: { ...task.state, live } }, value: outcomes };
  };
}

function newTo({ steps = [] }: LiveRun, over: readonly StoredStep[]): readonly StoredStep[] {
  return over.filter(({ name }) => !steps.some((one) => one.name === name));
}
