import { Sql } from './sql.js';

/** A row as values in the order of its table's columns. */
export type Values = readonly unknown[];

/** How many rows one statement writes at the most. */
const MAX_ROWS = 1_000;

/** How many characters of text one statement carries at the most: far below what servers take (`max_allowed_packet`). */
const MAX_TEXT = 4_000_000;

/** Cuts rows into batches that one statement can carry. */
export function batches(rows: readonly Values[], maxRows = MAX_ROWS): Generator<readonly Values[]> {
  return batchesOf(rows, (row) => row, maxRows);
}

/**
 * The same for what comes to rows.
 *
 * @param valuesOf Its values that may be long.
 */
export function* batchesOf<T>(
  rows: readonly T[],
  valuesOf: (row: T) => Values,
  maxRows = MAX_ROWS,
): Generator<readonly T[]> {
  let batch: T[] = [];
  let size = 0;
  for (const row of rows) {
    let length = 0;
    for (const value of valuesOf(row)) if (typeof value === 'string') length += value.length;
    if (batch.length > 0 && (batch.length >= maxRows || size + length > MAX_TEXT)) {
      yield batch;
      batch = [];
      size = 0;
    }
    batch.push(row);
    size += length;
  }
  if (batch.length > 0) yield batch;
}

/** Rows as lists of bound values: `(?, ?), (?, ?)`. */
export function tuples(rows: readonly Values[]): Sql {
  const texts: string[] = [];
  const values: unknown[] = [];
  for (const row of rows) {
    // An iterator of entries makes two objects a value.
    for (let at = 0; at < row.length; at += 1) {
      texts.push(at > 0 ? ', ' : texts.length > 0 ? '), (' : '(');
      values.push(row[at]);
    }
  }
  return new Sql([...texts, ')'], values);
}
