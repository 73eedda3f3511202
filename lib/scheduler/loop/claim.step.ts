import type { Apply, TakenTask } from '../../model/change.js';
import type { TaskRecord } from '../../model/task.js';
import type { Awaitable, Committed, Store } from '../../stores/store.interface.js';
import type { DueFilter, DueOrder, FailedChange } from '../../stores/selection.interface.js';
import type { Claimed } from '../plan/claim.plan.js';

/** What one claim asks the store for. */
export interface ClaimRequest extends DueFilter {
  /** How many tasks at the most. */
  readonly limit: number;
  readonly order: DueOrder;
}

/** A task that was claimed. */
export interface ClaimedTask extends Committed<Claimed> {
  /** What was taken, where the claim is not written yet: its run starts all the same. */
  readonly taken?: TakenTask;
}

/** The answer to a claim. */
export interface Claim {
  readonly claimed: readonly ClaimedTask[];
  /** The simple tasks that were taken (see `isSimple`): their runs start, and nothing is written. */
  readonly simple: readonly TakenTask[];
  /** The due tasks that the plan left as they are. */
  readonly left: readonly TaskRecord[];
  /** The tasks whose claim could not be written while others' could; they are as they were, and due. */
  readonly failed: readonly FailedChange[];
  /** The store's clock at the time, in milliseconds since the epoch. */
  readonly storeNow: number;
  /**
   * Asks when the next of the tasks that were asked for is due, in milliseconds since the epoch; null when there is none.
   * To be called once at most, and soon. It is not part of the claim, so that what was claimed need not wait for it.
   */
  readonly nextDue: () => Awaitable<number | null>;
}

type ClaimStore = Pick<Store, 'transact' | 'nextDueFor'>;

/** Claims due tasks: one step of the store, in which the plan decides about each. */
export async function claimDue(store: ClaimStore, request: ClaimRequest, plan: Apply<Claimed>): Promise<Claim> {
  const { committed, left, failed, storeNow, nextDue } = await store.transact({ due: request }, plan);
  return {
    claimed: committed,
    simple: [],
    left,
    failed,
    storeNow,
    // A full batch says that more may be due at once, which spares the question.
    nextDue: committed.length >= request.limit ? () => storeNow : (nextDue ?? (() => store.nextDueFor(request))),
  };
}

/** Claims given tasks, due or not. */
export async function claimThese(store: ClaimStore, ids: readonly string[], plan: Apply<Claimed>): Promise<Claim> {
  const { committed, left, failed, storeNow } = await store.transact({ ids }, plan);
  return { claimed: committed, simple: [], left, failed, storeNow, nextDue: () => null };
}
