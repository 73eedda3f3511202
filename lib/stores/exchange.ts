import type { KnownChange, TakenTask } from '../model/change.js';
import { nextToken } from '../model/task.js';
import type { TaskLease, TaskRecord } from '../model/task.js';
import type { Exchange, Exchanged, Taken, TakeRequest, Written } from './exchange.interface.js';
import type { Store } from './store.interface.js';

type Transactor = Pick<Store, 'transact'>;

const NOTHING_WRITTEN: Written = { lost: [], failed: [] };

/** `Store.exchange` made of `transact`: what is written comes first. */
export async function exchangeThroughTransact(store: Transactor, { write, take }: Exchange): Promise<Exchanged> {
  const written = write && write.length > 0 ? await writeThroughTransact(store, write) : NOTHING_WRITTEN;
  return { written, taken: take ? await takeThroughTransact(store, take) : null };
}

/** Whether a task is still the one that a change was made from. */
export function isStill(task: TaskRecord, { from }: KnownChange): boolean {
  return task.version === from.version && task.state.lastToken === from.lastToken;
}

/** The lease that a taking puts a task under. @param now The store's clock, in milliseconds since the epoch. */
export function leaseOf({ state }: TaskRecord, now: number, { owner, leaseMs }: TakeRequest): TaskLease {
  const attempt = (state.lease?.attempt ?? 0) + 1;
  return { owner, token: nextToken(state, now), at: now, attempt, until: now + leaseMs };
}

/** The task under a lease, but for its version. */
export function underLease(task: TaskRecord, lease: TaskLease): TaskRecord {
  return { ...task, state: { ...task.state, lease, lastToken: lease.token } };
}

async function writeThroughTransact(store: Transactor, changes: readonly KnownChange[]): Promise<Written> {
  const rest = new Map(changes.map((change) => [change.from.id, change]));
  const { committed, failed } = await store.transact<null>({ ids: [...rest.keys()] }, (task) => {
    const change = rest.get(task.id)!;
    if (!isStill(task, change)) return null;
    const { from, task: next, history = [] } = change;
    // The definition that was read tells `transact` that it need not be written.
    const isSame = next?.definition === from.definition;
    return { task: next && isSame ? { ...next, definition: task.definition } : next, history, value: null };
  });
  for (const { id } of [...committed, ...failed]) rest.delete(id);
  return { lost: [...rest.keys()], failed };
}

async function takeThroughTransact(store: Transactor, request: TakeRequest): Promise<Taken> {
  const { owner: _owner, leaseMs: _leaseMs, ...due } = request;
  const { committed, storeNow, nextDue } = await store.transact<TakenTask>({ due }, (task, now) => {
    const lease = leaseOf(task, now, request);
    return { task: underLease(task, lease), value: { task, lease } };
  });
  const tasks = committed.map(({ value }) => value);
  return { tasks, storeNow, ...(nextDue && { nextDue }) };
}
