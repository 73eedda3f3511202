import { standOf } from '../model/change.js';
import type { Apply } from '../model/change.js';
import type { LeaseRef, LiveRun, RunRecord } from '../model/run.js';
import type { TaskRecord } from '../model/task.js';
import { claimDue as claimDueIn } from '../scheduler/loop/claim.step.js';
import type { ClaimRequest } from '../scheduler/loop/claim.step.js';
import { EndBatch } from '../scheduler/loop/end.batch.js';
import type { OfferedEnd } from '../scheduler/loop/end.batch.js';
import type { KnownRecords } from '../scheduler/loop/held.tasks.js';
import { renewLeases as renewLeasesIn } from '../scheduler/loop/renew.step.js';
import type { Renewed } from '../scheduler/loop/renew.step.js';
import type { Claimed } from '../scheduler/plan/claim.plan.js';
import type { RunEnd } from '../scheduler/plan/end.plan.js';
import type { Store } from '../stores/store.interface.js';

// What the engine makes of `transact` and `exchange`, as the kit asks for it: the very code that schedulers run.

/** A claimed task with the runs that were started. */
export interface ClaimedTask {
  readonly id: string;
  readonly task: TaskRecord | null;
  readonly start: readonly LiveRun[];
  readonly history: readonly RunRecord[];
}

/** Claims due tasks as a scheduler does; by priority unless the request says otherwise. */
export async function claimDue(
  store: Store,
  request: Omit<ClaimRequest, 'order'> & Partial<Pick<ClaimRequest, 'order'>>,
  plan: Apply<Claimed>,
) {
  const { claimed, ...rest } = await claimDueIn(store, { order: 'priority', ...request }, plan);
  return {
    ...rest,
    claimed: claimed.map(({ id, task, value: { start, history } }): ClaimedTask => ({ id, task, start, history })),
  };
}

/** What became of ends of runs. */
export interface Finished {
  readonly settled: readonly (LeaseRef & { readonly task: TaskRecord | null; readonly paused: boolean })[];
  readonly refused: readonly LeaseRef[];
}

const NOTHING_KNOWN: KnownRecords = { of: () => undefined, note: () => {}, adopted: (task) => task };

/**
 * Ends runs as a scheduler does.
 *
 * @param known The tasks as the holder of the runs knows them; without it, all are read.
 */
export async function finishRuns(
  store: Store,
  ends: readonly RunEnd[],
  known?: readonly TaskRecord[],
): Promise<Finished> {
  const byId = new Map(known?.map((task) => [task.id, task]));
  const of = (id: string) => {
    const record = byId.get(id);
    return record && { record, stand: standOf(record), taken: null, isSimple: false };
  };
  const records = known ? { ...NOTHING_KNOWN, of } : NOTHING_KNOWN;
  const offered = ends.map((end): OfferedEnd => ({ end, outcome: null }));
  const batch = new EndBatch(offered, records, await store.now());
  if (batch.changes.length > 0) batch.written((await store.exchange({ write: batch.changes })).written);
  await batch.finish(store);
  const settled: Finished['settled'][number][] = [];
  const refused: LeaseRef[] = [];
  for (const { end, outcome: answer } of offered) {
    const { taskId, runId, token } = end;
    if (answer?.outcome === 'refused') refused.push({ taskId, runId, token });
    else if (answer) settled.push({ taskId, runId, token, task: answer.task, paused: answer.outcome === 'paused' });
  }
  return { settled, refused };
}

/** Renews leases as a scheduler does. */
export function renewLeases(store: Store, refs: readonly LeaseRef[], leaseMs: number): Promise<Renewed> {
  return renewLeasesIn(store, refs, leaseMs);
}
