import type { KnownChange, TakenTask } from '../../../model/change.js';
import type { TaskRecord } from '../../../model/task.js';
import { exchangeThroughTransact, leaseOf } from '../../exchange.js';
import type { Exchange, Exchanged, Taken, TakeRequest } from '../../exchange.interface.js';
import type { DueOrder } from '../../selection.interface.js';
import type { Store } from '../../store.interface.js';
import { compareText } from '../../task-query.js';
import type { PostgresDialect } from '../dialects/postgres.dialect.js';
import { release, takeDue, takeLocked } from '../dialects/postgres.take.js';
import { writeKnown, writtenOf } from '../dialects/postgres.write.js';
import type { KnownRow } from '../dialects/known.row.js';
import { batchesOf } from '../sql/batches.js';
import { driverErrorOf } from '../sql/driver.error.js';
import type { Session } from '../sql/session.js';
import { early, last, rowCount } from '../sql/sql.js';
import type { Rows, Script } from '../sql/sql.js';
import { select } from './changes.js';
import type { TransactionContext } from './changes.js';
import { knownRows, textsOf, writeDefinitions } from './known.rows.js';

interface ExchangeContext extends TransactionContext {
  readonly dialect: PostgresDialect;
  readonly session: Session;
}

/** How often a taking is repeated because damaged records turned up in it. */
const MAX_ROUNDS = 20;

/**
 * `Store.exchange` in one transaction: what is written comes first, in one statement, and what is taken is another, which is sent with it.
 * Changes of a definition, which are rare, go through `transact`.
 *
 * @param store The store that the database is of.
 */
export async function exchangeInPostgres(
  context: ExchangeContext,
  store: Pick<Store, 'transact'>,
  { write = [], take: request }: Exchange,
): Promise<Exchanged> {
  const { states, lost, failed } = await writeDefinitions(store, write);
  try {
    const { written, taken } = await exchangeAtOnce(context, states, request ?? null);
    const outrun = states.flatMap(({ from: { id } }) => (written.has(id) ? [] : id));
    return { written: { lost: [...outrun, ...lost], failed }, taken };
  } catch (error) {
    const cause = driverErrorOf(error);
    if (states.length === 0 || !cause || !context.dialect.isDuplicate(cause)) throw error;
    // Somebody's hand has put a run into the history that ends now. It is replaced.
    const again = (await exchangeThroughTransact(store, { write: states })).written;
    const { taken } = await exchangeAtOnce(context, [], request ?? null);
    return { written: { lost: [...again.lost, ...lost], failed: [...again.failed, ...failed] }, taken };
  }
}

/** What one transaction has come to. */
interface Done {
  /** The ids of the tasks that were still what the changes were made from. */
  readonly written: ReadonlySet<string>;
  readonly taken: Taken | null;
}

/** Writes, and takes due tasks. Records that turn out damaged are given back, and what stood behind them comes into reach. */
async function exchangeAtOnce(
  context: ExchangeContext,
  changes: readonly KnownChange[],
  request: TakeRequest | null,
): Promise<Done> {
  const { session, codec } = context;
  const rows = knownRows(codec, changes);
  const isIdle = rows.length === 0 && request === null;
  let step = isIdle ? NOTHING : await session.transaction(() => writeAndTake(context, rows, request));
  const written = new Set(step.ids);
  let isHalf = await giveBack(context, step.took);
  for (let round = 2; isHalf && step.took!.tasks.length === 0 && round <= MAX_ROUNDS; round += 1) {
    // What is written stands, whatever becomes of this.
    const next = await session.transaction(() => writeAndTake(context, [], request)).catch(() => null);
    if (next === null) break;
    step = next;
    isHalf = await giveBack(context, step.took);
  }
  if (step.took === null) return { written, taken: null };
  const { tasks, storeNow, nextDue } = step.took;
  return { written, taken: { tasks, storeNow, ...(!isHalf && nextDue !== undefined && { nextDue: () => nextDue }) } };
}

/** Gives damaged records back. Returns whether there were any. Where that fails, they are back when the lease expires. */
async function giveBack({ session, dialect }: ExchangeContext, took: Took | null): Promise<boolean> {
  if (took === null || took.damaged.length === 0) return false;
  await session.write(() => release(dialect, took.damaged, took.storeNow)).catch(() => {});
  return true;
}

const NOTHING: Step = { ids: [], took: null };

interface Step {
  readonly ids: readonly string[];
  readonly took: Took | null;
}

function* writeAndTake(context: ExchangeContext, rows: readonly KnownRow[], request: TakeRequest | null): Script<Step> {
  const answers: (readonly [Rows, readonly KnownRow[]])[] = [];
  let left = rows.length;
  for (const batch of batchesOf(rows, textsOf)) {
    left -= batch.length;
    const statement = writeKnown(context.dialect, batch);
    const isLast = left === 0 && request === null;
    answers.push([yield isLast ? last(statement) : early(statement), batch]);
  }
  const took = request && (yield* take(context, request));
  return { ids: answers.flatMap(([answer, batch]) => writtenOf(answer, batch)), took };
}

/** What was taken. */
interface Took {
  readonly storeNow: number;
  readonly tasks: readonly TakenTask[];
  readonly damaged: Rows['records'];
  /** Undefined where it is not known. */
  readonly nextDue?: number | null;
}

function* take(context: ExchangeContext, request: TakeRequest): Script<Took> {
  const { dialect, reader } = context;
  const { limit, order = 'priority', owner: _owner, leaseMs: _leaseMs, ...filter } = request;
  const query = reader.dueQuery(filter);
  const taken = (tasks: readonly TaskRecord[], storeNow: number) =>
    tasks.map((task) => ({ task, lease: leaseOf(task, storeNow, request) }));
  if (query.except.group.length === 0 && limit > 0 && query.handlers?.length !== 0) {
    const { storeNow, records, nextDue } = yield* takeDue(dialect, query, order, rowCount(limit), request);
    const { tasks, unreadable } = reader.readAll(inOrder(records, order));
    const ids = new Set(unreadable.map(({ id }) => id));
    const damaged = ids.size === 0 ? [] : records.filter(({ id }) => ids.has(String(id)));
    if (records.length >= limit) return { storeNow, tasks: taken(tasks, storeNow), damaged };
    const expiry = tasks.length > 0 ? storeNow + request.leaseMs : Infinity;
    const next = Math.min(nextDue ?? Infinity, expiry);
    return { storeNow, tasks: taken(tasks, storeNow), damaged, nextDue: next === Infinity ? null : next };
  }
  // What is merged from several walks is locked first, and then read.
  const { storeNow, tasks } = yield* select(context, { due: { ...filter, order, limit } });
  const ids = tasks.map(({ id }) => id);
  if (ids.length > 0) yield* takeLocked(dialect, ids, storeNow, request);
  return { storeNow, tasks: taken(tasks, storeNow), damaged: [] };
}

/** Rows in the order that was asked for. A statement that changes rows promises none; that of the oldest has priority by priority. */
function inOrder(records: Rows['records'], order: DueOrder): Rows['records'] {
  const compare = order === 'age' ? compareByAge : compareByPriority;
  const isSorted = records.every((record, at) => at === 0 || compare(records[at - 1]!, record) <= 0);
  return isSorted ? records : [...records].sort(compare);
}

type Row = Rows['records'][number];

function compareByAge(a: Row, b: Row): number {
  return Number(a.due_at) - Number(b.due_at) || compareText(String(a.id), String(b.id));
}

function compareByPriority(a: Row, b: Row): number {
  return Number(a.priority) - Number(b.priority) || compareByAge(a, b);
}
