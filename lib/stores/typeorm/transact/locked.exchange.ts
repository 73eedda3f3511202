import { leaseOf } from '../../exchange.js';
import type { Exchange, Exchanged, Taken, TakeRequest } from '../../exchange.interface.js';
import type { Store } from '../../store.interface.js';
import type { KnownRow } from '../dialects/known.row.js';
import type { LevelledDialect } from '../dialects/levelled.dialect.js';
import { batchesOf } from '../sql/batches.js';
import { Contended } from '../sql/contended.js';
import type { Session } from '../sql/session.js';
import type { Script } from '../sql/sql.js';
import { select } from './changes.js';
import type { TransactionContext } from './changes.js';
import { knownRows, textsOf, writeDefinitions } from './known.rows.js';

/** What it works with: a dialect that locks what it reads. */
export interface LockedContext extends TransactionContext {
  readonly dialect: LevelledDialect;
  readonly session: Session;
}

/** How many changes one transaction writes: on SQLite the process does nothing else meanwhile. */
const MAX_ROWS = 500;

/** What became of one batch. */
interface Step {
  readonly written: ReadonlySet<string>;
  readonly taken: Taken | null;
}

/**
 * `Store.exchange` in one transaction: what is known is written by statements that need no reading, then what is due is
 * locked and put under a lease. Changes of a definition, which are rare, go through `transact` before.
 *
 * @param store The store that the database is of.
 */
export async function exchangeLocked(
  context: LockedContext,
  store: Pick<Store, 'transact'>,
  { write = [], take }: Exchange,
): Promise<Exchanged> {
  const { states, lost, failed } = await writeDefinitions(store, write);
  const batches = [...batchesOf(knownRows(context.codec, states), textsOf, MAX_ROWS)];
  const written = new Set<string>();
  let taken: Taken | null = null;
  for (let at = 0; at < Math.max(1, batches.length); at += 1) {
    if (at > 0) await new Promise(setImmediate);
    const isLast = at >= batches.length - 1;
    const step = await carryOut(context, batches[at] ?? [], isLast ? take : undefined);
    for (const id of step.written) written.add(id);
    taken = step.taken;
  }
  const outrun = states.flatMap(({ from: { id } }) => (written.has(id) ? [] : id));
  return { written: { lost: [...outrun, ...lost], failed }, taken };
}

async function carryOut(
  context: LockedContext,
  changes: readonly KnownRow[],
  request: TakeRequest | undefined,
): Promise<Step> {
  if (changes.length === 0 && !request) return { written: new Set(), taken: null };
  const attempt = (isContended: boolean) =>
    context.session.transaction(function* (): Script<Step> {
      const written = changes.length > 0 ? yield* context.dialect.writeKnown(changes, isContended) : new Set<string>();
      return { written, taken: request ? yield* take(context, request) : null };
    });
  try {
    return await attempt(false);
  } catch (error) {
    if (!(error instanceof Contended)) throw error;
  }
  return attempt(true);
}

function* take(context: LockedContext, request: TakeRequest): Script<Taken> {
  const { limit, order = 'priority', owner: _owner, leaseMs: _leaseMs, ...filter } = request;
  const { storeNow, tasks } = yield* select(context, { due: { ...filter, order, limit } });
  if (tasks.length > 0) {
    const ids = tasks.map(({ id }) => id);
    yield* context.dialect.takeLocked(ids, storeNow, request);
  }
  return { tasks: tasks.map((task) => ({ task, lease: leaseOf(task, storeNow, request) })), storeNow };
}
