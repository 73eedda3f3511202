import type { LiveRun } from '../../model/run.js';

/** What a run that waits for its turn differs in from others. */
type WaitingRunFields = Pick<LiveRun, 'id' | 'source' | 'scheduledTime' | 'availableAt'> &
  Partial<Pick<LiveRun, 'attempt' | 'coalesced' | 'request' | 'steps'>>;

/** A run that waits for its turn: nobody has a lease of it. */
export function waitingRun(fields: WaitingRunFields): LiveRun {
  return {
    status: 'waiting',
    attempt: 1,
    lost: 0,
    coalesced: 0,
    owner: null,
    token: 0,
    leaseUntil: null,
    startedAt: null,
    cancel: null,
    request: null,
    ...fields,
  };
}
