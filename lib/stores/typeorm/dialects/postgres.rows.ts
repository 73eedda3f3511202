import type { Values } from '../sql/batches.js';
import { RUN_COLUMNS, TASK_COLUMNS } from '../sql/columns.js';
import type { ColumnKind } from '../sql/columns.js';
import { raw, sql, toNumber } from '../sql/sql.js';
import type { Rows, Sql } from '../sql/sql.js';
import type { DueRows } from './dialect.js';

/** The types of the columns, for reading rows back from JSON. */
const TYPES: Readonly<Record<ColumnKind, string>> = {
  key: 'text',
  runKey: 'text',
  label: 'text',
  text: 'text',
  integer: 'integer',
  long: 'bigint',
  flag: 'boolean',
};

/** A column of rows alone: the fencing token that the task must have. */
export const FROM_TOKEN = 'from_token';

const TYPE_OF = new Map<string, string>([...TASK_COLUMNS, ...RUN_COLUMNS].map(({ name, kind }) => [name, TYPES[kind]]));
TYPE_OF.set(FROM_TOKEN, TYPES.long);

/**
 * Rows as a table. They travel as one JSON parameter, which was measured to be the fastest of JSON, arrays and value lists,
 * and keeps the text of each statement the same.
 *
 * @param columns The names of columns of the tables.
 * @param rows The values, in the order of the columns.
 * @param name What the table is called.
 */
export function rowsAs(columns: readonly string[], rows: readonly Values[], name: string): Sql {
  const records = rows.map((values) => Object.fromEntries(columns.map((column, at) => [column, values[at]])));
  const types = columns.map((column) => `${column} ${TYPE_OF.get(column)!}`);
  return sql`json_to_recordset(${JSON.stringify(records)}::json) AS ${raw(`${name}(${types.join(', ')})`)}`;
}

/** Sets columns to those of the same names in another table of the statement. */
export function assigned(columns: readonly string[], source: string): Sql {
  return raw(columns.map((name) => `${name} = ${source}.${name}`).join(', '));
}

/** Rows that have the server's clock in `store_now`; one without an id says the clock alone. */
export function dueRows(records: Rows['records']): DueRows {
  return { storeNow: toNumber(records[0]!.store_now), records: records.filter(({ id }) => id !== null) };
}
