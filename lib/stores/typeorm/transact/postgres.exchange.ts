import type { KnownChange } from '../../../model/change.js';
import type { TaskRecord } from '../../../model/task.js';
import type { TaskCodec } from '../../../persistence/codec.interface.js';
import { exchangeThroughTransact, leaseOf } from '../../exchange.js';
import type { Exchange, Exchanged, Taken, TakeRequest } from '../../exchange.interface.js';
import { historyKey } from '../../run-history.js';
import type { Store } from '../../store.interface.js';
import type { PostgresDialect } from '../dialects/postgres.dialect.js';
import { release, takeByPriority, takeLocked, writeKnown } from '../dialects/postgres.exchange.js';
import type { KnownRow } from '../dialects/known.row.js';
import { batchesOf } from '../sql/batches.js';
import type { Session } from '../sql/session.js';
import { rowCount } from '../sql/sql.js';
import type { Rows, Script } from '../sql/sql.js';
import { select } from './changes.js';
import type { TransactionContext } from './changes.js';

interface ExchangeContext extends TransactionContext {
  readonly dialect: PostgresDialect;
  readonly session: Session;
}

/** How often a taking is repeated because damaged records turned up in it. */
const MAX_ROUNDS = 20;

/**
 * `Store.exchange`: what is written comes first. Changes of a definition, which are rare, go through `transact`.
 *
 * @param store The store that the database is of.
 */
export async function exchangeInPostgres(
  context: ExchangeContext,
  store: Pick<Store, 'transact'>,
  { write = [], take: request }: Exchange,
): Promise<Exchanged> {
  const states: KnownChange[] = [];
  const others: KnownChange[] = [];
  for (const change of write) {
    const { task, from } = change;
    (task === null || task.definition === from.definition ? states : others).push(change);
  }
  const written = states.length > 0 ? await writeStates(context, states) : null;
  const { lost, failed } = (await exchangeThroughTransact(store, { write: others })).written;
  const outrun = states.flatMap(({ from: { id } }) => (written!.has(id) ? [] : id));
  const taken = request ? await takeDue(context, request) : null;
  return { written: { lost: [...outrun, ...lost], failed }, taken };
}

/** Returns the ids of the tasks that were still what the changes were made from. */
async function writeStates(
  { dialect, codec, session }: ExchangeContext,
  changes: readonly KnownChange[],
): Promise<ReadonlySet<string>> {
  const written = new Set<string>();
  // In one order, so that two that write the same tasks wait for each other and not both.
  const rows = changes.map((change) => knownRow(codec, change)).sort((a, b) => (a.from.id < b.from.id ? -1 : 1));
  for (const batch of batchesOf(rows, textsOf)) {
    for (const id of await session.transaction(() => writeKnown(dialect, batch))) written.add(id);
  }
  return written;
}

/**
 * Takes due tasks. By priority, selecting and taking them is one statement; records that turn out damaged are given back, and
 * what stood behind them comes into reach.
 */
async function takeDue(context: ExchangeContext, request: TakeRequest): Promise<Taken> {
  for (let round = 1; ; round += 1) {
    const { storeNow, before, damaged } = await context.session.transaction(() => take(context, request));
    if (damaged.length > 0) await context.session.write(() => release(context.dialect, damaged, storeNow));
    if (before.length === 0 && damaged.length > 0 && round < MAX_ROUNDS) continue;
    const tasks = before.map((task) => ({ task, lease: leaseOf(task, storeNow, request) }));
    return { tasks, storeNow };
  }
}

/** What was taken, as it was before. */
interface Took {
  readonly storeNow: number;
  readonly before: readonly TaskRecord[];
  readonly damaged: Rows['records'];
}

function* take(context: ExchangeContext, request: TakeRequest): Script<Took> {
  const { dialect, reader } = context;
  const { limit, order = 'priority', owner: _owner, leaseMs: _leaseMs, ...filter } = request;
  const query = reader.dueQuery(filter);
  const isWalk = order === 'priority' && query.except.group.length === 0 && limit > 0 && query.handlers?.length !== 0;
  if (isWalk) {
    const { storeNow, records } = yield* takeByPriority(dialect, query, rowCount(limit), request);
    const { tasks: before, unreadable } = reader.readAll(records);
    const ids = new Set(unreadable.map(({ id }) => id));
    return { storeNow, before, damaged: records.filter(({ id }) => ids.has(String(id))) };
  }
  // What is merged from several walks is locked first, and then read.
  const { storeNow, tasks: before } = yield* select(context, { due: { ...filter, order, limit } });
  const ids = before.map(({ id }) => id);
  if (ids.length > 0) yield* takeLocked(dialect, ids, storeNow, request);
  return { storeNow, before, damaged: [] };
}

function knownRow(codec: TaskCodec, { from, task, history = [] }: KnownChange): KnownRow {
  // One statement cannot write a row twice: the last of the same key counts.
  const runs = new Map(history.map((run) => [historyKey(run), codec.encodeRun(run)]));
  return {
    from,
    state: task && codec.encodeState({ ...task, version: from.version + 1 }),
    runs: [...runs.values()],
  };
}

function textsOf({ state, runs }: KnownRow): readonly unknown[] {
  return [state?.state, ...runs.map(({ outcome }) => outcome)];
}
