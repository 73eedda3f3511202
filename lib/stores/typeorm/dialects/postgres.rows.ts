import type { Values } from '../sql/batches.js';
import { RUN_COLUMNS, TASK_COLUMNS } from '../sql/columns.js';
import type { Column, ColumnKind } from '../sql/columns.js';
import { join, raw, sql, toNumber } from '../sql/sql.js';
import type { Rows, Sql } from '../sql/sql.js';
import { arrayOf, POSTGRES_TYPES } from './postgres.arrays.js';
import type { DueRows } from './dialect.js';

/** A column of rows alone: the fencing token that the task must have. */
export const FROM_TOKEN = 'from_token';

const COLUMNS: readonly Column[] = [...TASK_COLUMNS, ...RUN_COLUMNS, { name: FROM_TOKEN, kind: 'long' }];
const KIND_OF = new Map<string, ColumnKind>(COLUMNS.map(({ name, kind }) => [name, kind]));

/**
 * Rows as a table. Each column travels as one array, so that the text of each statement stays the same.
 *
 * @param columns The names of columns of the tables.
 * @param rows The values, in the order of the columns.
 * @param name What the table is called.
 */
export function rowsAs(columns: readonly string[], rows: readonly Values[], name: string): Sql {
  const arrays = columns.map((column, at) => {
    const kind = KIND_OF.get(column)!;
    return sql`${arrayOf(kind, rows, at)}::${raw(POSTGRES_TYPES[kind])}[]`;
  });
  return sql`unnest(${join(arrays, ', ')}) AS ${raw(`${name}(${columns.join(', ')})`)}`;
}

/** Sets columns to those of the same names in another table of the statement. */
export function assigned(columns: readonly string[], source: string): Sql {
  return raw(columns.map((name) => `${name} = ${source}.${name}`).join(', '));
}

/** Rows that have the server's clock in `store_now`; one without an id says the clock alone. */
export function dueRows(records: Rows['records']): DueRows {
  return { storeNow: toNumber(records[0]!.store_now), records: records.filter(({ id }) => id !== null) };
}
