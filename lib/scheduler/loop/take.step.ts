import { standUnder } from '../../model/change.js';
import type { Apply, KnownChange, TakenTask } from '../../model/change.js';
import type { TaskRecord } from '../../model/task.js';
import type { Taken } from '../../stores/exchange.interface.js';
import type { FailedChange } from '../../stores/selection.interface.js';
import type { Store } from '../../stores/store.interface.js';
import { changeTo } from '../plan/change.js';
import type { Claimed } from '../plan/claim.plan.js';
import type { Starter } from '../plan/start.plan.js';
import { isSimple } from '../plan/simple.plan.js';
import { afterTaking, beforeTaking, startsUnwritten } from '../plan/take.plan.js';
import type { Claim, ClaimedTask, ClaimRequest } from './claim.step.js';
import type { EndsAlong } from './end.queue.js';

/** Who takes. */
export interface Taker extends Starter {
  /** Whether a run of a simple task starts now: there is room for it, which is taken. */
  startsNow(task: TaskRecord, decided: readonly Claimed[]): boolean;
}

type TakeStore = Pick<Store, 'exchange' | 'transact' | 'nextDueFor'>;

/** What is written about a task that was taken; without a value it is given back. */
interface Decision extends KnownChange {
  readonly value: Claimed | null;
}

/**
 * Claims due tasks by taking them: the store puts them under a lease in one step, and the plan decides about what came back. A
 * run that may start before the claim is written starts at once. All other decisions are written first.
 */
export async function takeDue(
  store: TakeStore,
  request: ClaimRequest,
  taker: Taker,
  plan: Apply<Claimed>,
  along: EndsAlong | null,
): Promise<Claim> {
  const { tasks, storeNow, nextDue } = await take(store, request, taker, along);
  const simple: TakenTask[] = [];
  const claimed = new Map<string, ClaimedTask>();
  const left: TaskRecord[] = [];
  const decisions: Decision[] = [];
  const decided: Claimed[] = [];
  for (const taken of tasks) {
    const { task: before, lease } = taken;
    if (isSimple(before, storeNow) && taker.startsNow(before, decided)) {
      simple.push(taken);
      continue;
    }
    const change = plan(before, storeNow, decided);
    const from = standUnder(taken);
    if (!change) {
      left.push(before);
      decisions.push({ from, ...changeTo(afterTaking(before, lease, before.state.lease), null) });
      continue;
    }
    decided.push(change.value);
    const task = change.task && afterTaking(change.task, lease);
    if (startsUnwritten(change, storeNow)) {
      claimed.set(before.id, { id: before.id, task, value: change.value, taken });
    } else decisions.push({ from, task, history: change.history ?? [], value: change.value });
  }
  const failed =
    decisions.length > 0 ? await writeDecisions(store, tasks, decisions, plan, { simple, claimed, left }) : [];
  return {
    claimed: claimed.size === 0 ? [] : tasks.flatMap(({ task }) => claimed.get(task.id) ?? []),
    simple,
    left,
    failed,
    storeNow,
    nextDue: tasks.length >= request.limit ? () => storeNow : (nextDue ?? (() => store.nextDueFor(request))),
  };
}

/** The ends that go along are written in the same call, or stay where they are. */
async function take(
  store: TakeStore,
  request: ClaimRequest,
  { owner, leaseMs }: Taker,
  along: EndsAlong | null,
): Promise<Taken> {
  try {
    const asked = { take: { ...request, owner, leaseMs } };
    const { taken, written } = await store.exchange(along ? { ...asked, write: along.changes } : asked);
    along?.written(written);
    return taken!;
  } catch (error) {
    along?.failed();
    throw error;
  }
}

/** What has come of a taking so far. */
interface Outcome {
  readonly simple: readonly TakenTask[];
  readonly claimed: Map<string, ClaimedTask>;
  readonly left: TaskRecord[];
}

/**
 * Writes what was decided. If the store fails, what stands already is started all the same, and the rest is due again when
 * its lease expires.
 */
async function writeDecisions(
  store: TakeStore,
  tasks: readonly TakenTask[],
  decisions: readonly Decision[],
  plan: Apply<Claimed>,
  outcome: Outcome,
): Promise<readonly FailedChange[]> {
  const rest = new Set(decisions.map(({ from }) => from.id));
  try {
    const { lost, failed } = (await store.exchange({ write: decisions })).written;
    const lostIds = new Set(lost);
    const failedIds = new Set(failed.map(({ id }) => id));
    for (const { from, task, value } of decisions) {
      const { id, version } = from;
      if (lostIds.has(id) || failedIds.has(id)) continue;
      rest.delete(id);
      if (value) outcome.claimed.set(id, { id, task: task && { ...task, version: version + 1 }, value });
    }
    if (lostIds.size === 0) return failed;
    const again = tasks.filter(({ task }) => lostIds.has(task.id));
    return [...failed, ...(await decideAgain(store, again, plan, outcome))];
  } catch (error) {
    if (outcome.claimed.size === 0 && outcome.simple.length === 0) throw error;
    return Array.from(rest, (id) => ({ id, error }));
  }
}

/** What was changed since it was taken is decided on again, as it is by now. */
async function decideAgain(
  store: TakeStore,
  tasks: readonly TakenTask[],
  plan: Apply<Claimed>,
  { claimed, left }: Outcome,
): Promise<readonly FailedChange[]> {
  const takenById = new Map(tasks.map((one) => [one.task.id, one]));
  const standing = Array.from(claimed.values(), ({ value }) => value);
  const ids = [...takenById.keys()];
  const { committed, failed } = await store.transact<Claimed | null>({ ids }, (task, now, decided) => {
    const { task: taken, lease } = takenById.get(task.id)!;
    if (task.state.lease?.token !== lease.token) return null;
    const before = beforeTaking(task, taken.state.lease);
    const change = plan(before, now, [...standing, ...decided.filter((value) => value !== null)]);
    if (change) return { ...change, task: change.task && afterTaking(change.task, lease) };
    // What somebody has cancelled meanwhile may have been its last run.
    return changeTo(afterTaking(before, lease, before.state.lease), null);
  });
  for (const { id, task, value } of committed) {
    if (value) claimed.set(id, { id, task, value });
    else if (task && left.every((one) => one.id !== id)) left.push(task);
  }
  return failed;
}
