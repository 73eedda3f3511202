/** Marks the absence of a further value in a table. */
export const NONE = -1;

/** See {@link nextTable}. */
export type NextTable = Int16Array;

/** For each value the smallest one of the set that is not below it: one look instead of a search. */
export function nextTable(values: Uint8Array): NextTable {
  // One more, so that a value can be asked for what follows it.
  const table = new Int16Array(values.length + 1).fill(NONE);
  for (let value = values.length - 1; value >= 0; value -= 1) {
    table[value] = values[value] === 1 ? value : table[value + 1]!;
  }
  return table;
}

/** How many values of the set lie below each value. */
export function countBelow(values: Uint8Array): Int16Array {
  const table = new Int16Array(values.length + 1);
  for (let value = 0; value < values.length; value += 1) table[value + 1] = table[value]! + values[value]!;
  return table;
}
