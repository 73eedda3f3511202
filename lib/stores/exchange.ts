import type { KnownChange } from '../model/change.js';
import { nextToken } from '../model/task.js';
import type { TaskLease, TaskRecord } from '../model/task.js';
import type { Exchange, Exchanged, Taken, TakeRequest, TakenTask, Written } from './exchange.interface.js';
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
  return task.version === from.version && task.state.lastToken === from.state.lastToken;
}

/** The task as a taking leaves it, but for its version. */
export function taken(task: TaskRecord, now: number, { owner, leaseMs }: TakeRequest): TaskRecord {
  const { state } = task;
  const token = nextToken(state, now);
  const attempt = (state.lease?.attempt ?? 0) + 1;
  const lease: TaskLease = { owner, token, at: now, attempt, until: now + leaseMs };
  return { ...task, state: { ...state, lease, lastToken: token } };
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
  const { committed, storeNow, nextDue } = await store.transact<TaskLease | null>({ due }, (task, now) => ({
    task: taken(task, now, request),
    value: task.state.lease,
  }));
  const tasks = committed.map(({ task, value }): TakenTask => ({ task: task!, previous: value }));
  return { tasks, storeNow, ...(nextDue && { nextDue }) };
}
