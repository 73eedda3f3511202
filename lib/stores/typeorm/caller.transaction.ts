import type { DataSource, EntityManager, QueryRunner } from 'typeorm';
import { InvalidOptionError } from '../../errors/input.errors.js';
import type { Apply } from '../../model/change.js';
import type { JournalRow, TaskRow } from '../../persistence/codec.interface.js';
import { ofAdded } from '../journaled.js';
import type { Selection } from '../selection.interface.js';
import type { Transacted } from '../store.interface.js';
import { PortableDialect } from './dialects/portable.dialect.js';
import { insertWith } from './journal.rows.js';
import type { OpenDatabase } from './open.database.js';
import { driverErrorOf } from './sql/driver.error.js';
import { sql } from './sql/sql.js';
import type { Script } from './sql/sql.js';
import { transactOnce } from './transact/comparing.transact.js';
import { transactLocked } from './transact/locking.transact.js';
import { dataSourceOf } from './typeorm-compat.js';
import type { WakeSignal } from './wake.signal.js';

const ALLOWED =
  'the EntityManager of an open transaction of the data source that the store was given (dataSource.transaction(async (manager) => …))';

/**
 * The runner of a transaction that the caller has open.
 *
 * @throws InvalidOptionError When it is something else, or of another data source: its statements would go elsewhere.
 */
function runnerOf(transaction: unknown, dataSource: DataSource): QueryRunner {
  const manager = transaction as Partial<EntityManager> | null | undefined;
  const refuse = (what: string) => new InvalidOptionError('transaction', what, ALLOWED);
  // Not instanceof: the application may have another copy of TypeORM.
  if (typeof manager?.getRepository !== 'function') throw refuse(describe(transaction));
  if (dataSourceOf(manager as EntityManager) !== dataSource) throw refuse('an EntityManager of another data source');
  const { queryRunner } = manager;
  if (!queryRunner?.isTransactionActive || queryRunner.isReleased)
    throw refuse('an EntityManager outside a transaction');
  return queryRunner;
}

function describe(value: unknown): string {
  if (typeof value !== 'object' || value === null) return String(value);
  return `a ${value.constructor?.name ?? 'object'}`;
}

/**
 * Does something in a transaction that the caller has open. With its commit the other processes hear of it, and this one looks
 * again.
 *
 * @throws InvalidOptionError When it is no transaction of the store's data source.
 */
export async function inCallers<T>(
  database: OpenDatabase,
  signal: WakeSignal,
  transaction: unknown,
  work: (runner: QueryRunner) => Promise<T>,
): Promise<T> {
  const { dataSource, context } = database;
  const runner = runnerOf(transaction, dataSource);
  const result = await work(runner);
  signal.fireAfter(runner, context.clock, context.logger, () => database.ring());
  return result;
}

/** Adds tasks in a transaction that the caller has open. Returns the ids that were there already. */
export async function addWithin(
  database: OpenDatabase,
  runner: QueryRunner,
  rows: readonly TaskRow[],
  journal: readonly JournalRow[],
): Promise<readonly string[]> {
  const { session, dialect, notification } = database;
  const [only] = rows;
  try {
    return await session.within(runner, function* (): Script<readonly string[]> {
      if (rows.length === 1 && journal.length === 0) return yield* dialect.insertTask(only!, notification);
      const conflicts = yield* insertWith(dialect, rows, journal);
      if (notification !== null && conflicts.length < rows.length) yield sql`SELECT ${notification}`;
      return conflicts;
    });
  } catch (error) {
    const cause = driverErrorOf(error);
    if (!cause || !dialect.isDuplicate(cause)) throw error;
  }
  // Somebody has added one of them since the transaction began, which does not see it: the insert of each says whether.
  if (rows.length === 1) return [only!.id];
  const conflicts: string[] = [];
  for (const row of rows) conflicts.push(...(await addWithin(database, runner, [row], ofAdded(journal, [row]))));
  return conflicts;
}

/**
 * Changes tasks in a transaction that the caller has open. It is not tried again, since only the caller can begin anew.
 *
 * @throws VersionConflictError Where nothing is locked, when somebody was faster.
 */
export function transactWithin<T>(
  database: OpenDatabase,
  runner: QueryRunner,
  selection: Selection,
  apply: Apply<T>,
): Promise<Transacted<T>> {
  const { session, dialect, reader, codec, clock, notification } = database;
  return session.within(runner, function* (): Script<Transacted<T>> {
    const done =
      dialect instanceof PortableDialect
        ? yield* transactOnce({ dialect, reader, codec, clock }, selection, apply)
        : yield* transactLocked(database, selection, apply);
    if (notification !== null && done.committed.length > 0) yield sql`SELECT ${notification}`;
    return done;
  });
}
