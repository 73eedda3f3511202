import type { Apply } from '../../model/change.js';
import type { LeaseRef } from '../../model/run.js';
import { shareOfOutput } from '../../model/run.output.js';
import type { StoredOutput } from '../../model/run.output.js';
import { isHeld } from './end.plan.js';

/** What a run has said so far, as whoever holds its lease wants it kept. */
export interface OutputOfRun extends LeaseRef {
  readonly output: StoredOutput;
}

/** Keeps what runs of one task have said so far, each as a whole in place of what was kept before. Their leases stay as they are. */
export function keepOutputs(outputs: readonly OutputOfRun[]): Apply<null> {
  return (task) => {
    let { live } = task.state;
    for (const { output, ...ref } of outputs) {
      const kept = shareOfOutput(output, live.length);
      live = live.map((run) => (isHeld(run, ref) ? { ...run, output: kept } : run));
    }
    if (live.every((run, at) => run === task.state.live[at])) return null;
    return { task: { ...task, state: { ...task.state, live } }, value: null };
  };
}
