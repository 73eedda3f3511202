import type { DataSource, EntityManager, QueryRunner } from 'typeorm';
import { InvalidOptionError } from '../../errors/input.errors.js';
import { dataSourceOf } from './typeorm-compat.js';

const ALLOWED =
  'the EntityManager of an open transaction of the data source that the store was given (dataSource.transaction(async (manager) => …))';

/**
 * The runner of a transaction that the caller has open.
 *
 * @throws InvalidOptionError When it is something else, or of another data source: its statements would go elsewhere.
 */
export function runnerOf(transaction: unknown, dataSource: DataSource): QueryRunner {
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
