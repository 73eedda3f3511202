import type { Apply } from '../../model/change.js';
import type { LeaseRef } from '../../model/run.js';
import { isHeld } from './end.plan.js';

/**
 * Renews the leases of one task's runs to the store's now plus `leaseMs`.
 *
 * @returns The plan. Its value are the leases that are lost.
 */
export function renewRuns(refs: readonly LeaseRef[], leaseMs: number): Apply<readonly LeaseRef[]> {
  return (task, now) => {
    const held = refs.filter((ref) => task.state.live.some((run) => isHeld(run, ref)));
    if (held.length === 0) return null;
    const live = task.state.live.map((run) =>
      held.some((ref) => isHeld(run, ref)) ? { ...run, leaseUntil: now + leaseMs } : run,
    );
    const lost = refs.filter((ref) => !held.includes(ref));
    return { task: { ...task, state: { ...task.state, live } }, value: lost };
  };
}
