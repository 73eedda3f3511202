import type {
  ClaimedTask,
  ClaimPlan,
  ClaimRequest,
  ClaimResult,
  FinishResult,
  LeaseRef,
  RenewResult,
  RunResult,
  Store,
} from '../../stores/store.interface.js';
import { renewRuns, settleRuns } from '../plan/end.plan.js';

type Transactor = Pick<Store, 'transact'>;

/**
 * Claims through `transact`. One step on every store: the database-specific part is what `transact` does.
 *
 * @param nextDue Asks when something is due next; not asked when the claim was cut short by its limit.
 */
export async function claimDue(
  store: Transactor,
  request: ClaimRequest,
  plan: ClaimPlan,
  nextDue: () => Promise<number | null>,
): Promise<ClaimResult> {
  const { limit, handlers, except, order = 'priority' } = request;
  const { committed, failed, storeNow } = await store.transact<Omit<ClaimedTask, 'id' | 'task'>>(
    { due: { limit, handlers, except, order } },
    (task, now) => {
      const decision = plan(task, now);
      if (!decision) return null;
      const { task: next, start, history } = decision;
      return { task: next, history, value: { start, history } };
    },
  );
  const claimed = committed.map(({ id, task, value: { start, history } }) => ({ id, task, start, history }));
  // A full batch says that more may be due at once, which spares the question.
  return { claimed, failed, storeNow, nextDue: claimed.length >= limit ? () => storeNow : nextDue };
}

/** Ends runs through `transact`, all results of a task in one change. */
export async function finishRuns(store: Transactor, results: readonly RunResult[]): Promise<FinishResult> {
  const byTask = groupByTask(results);
  const { committed, failed } = await store.transact({ ids: [...byTask.keys()] }, (task, now) =>
    settleRuns(byTask.get(task.id)!)(task, now),
  );
  const unwritten = new Set(failed.map(({ id }) => id));
  const settled = [];
  const accepted = new Set<RunResult>();
  for (const { id, task, value } of committed) {
    for (const [index, result] of byTask.get(id)!.entries()) {
      if (value[index] === 'refused') continue;
      accepted.add(result);
      settled.push({ runId: result.runId, taskId: id, token: result.token, task, paused: value[index] === 'paused' });
    }
  }
  const refused = results
    .filter((result) => !accepted.has(result) && !unwritten.has(result.taskId))
    .map(({ runId, taskId, token }) => ({ runId, taskId, token }));
  return { settled, refused };
}

/** Prolongs leases through `transact`, all leases of a task in one change. */
export async function renewLeases(store: Transactor, runs: readonly LeaseRef[], leaseMs: number): Promise<RenewResult> {
  const byTask = groupByTask(runs);
  const { committed, failed } = await store.transact({ ids: [...byTask.keys()] }, (task, now) =>
    renewRuns(byTask.get(task.id)!, leaseMs)(task, now),
  );
  const lostOf = new Map(committed.map(({ id, value }) => [id, value]));
  const unwritten = new Set(failed.map(({ id }) => id));
  const written = [...byTask].filter(([taskId]) => !unwritten.has(taskId));
  const lost = written.flatMap(([taskId, refs]) => lostOf.get(taskId) ?? refs);
  const cancelled = committed.flatMap(({ task }) =>
    (task?.state.live ?? []).flatMap(({ id, token, cancel }) =>
      cancel && runs.some((ref) => ref.runId === id && ref.token === token)
        ? [{ runId: id, token, request: cancel }]
        : [],
    ),
  );
  return { lost, failed: runs.filter(({ taskId }) => unwritten.has(taskId)), cancelled };
}

function groupByTask<T extends { readonly taskId: string }>(items: readonly T[]): Map<string, T[]> {
  const groups = new Map<string, T[]>();
  for (const item of items) {
    const group = groups.get(item.taskId);
    if (group) group.push(item);
    else groups.set(item.taskId, [item]);
  }
  return groups;
}
