import type { ColumnKind } from '../sql/columns.js';

/** How PostgreSQL calls the types of the columns. */
export const POSTGRES_TYPES: Readonly<Record<ColumnKind, string>> = {
  key: 'text',
  runKey: 'text',
  label: 'text',
  limitKey: 'text',
  text: 'text',
  integer: 'integer',
  long: 'bigint',
  flag: 'boolean',
};

/** The numbers that PostgreSQL has for these types: https://www.postgresql.org/docs/current/catalog-pg-type.html */
const TYPE_NUMBERS: Readonly<Record<string, number>> = { text: 25, integer: 23, bigint: 20, boolean: 16 };

/** What an array begins with, in bytes: dimensions, whether there are nulls, type, length, lower bound. */
const HEAD = 20;

const TWO_32 = 4_294_967_296;

/** What the last array was written into: most are about as large as the one before. */
let scratch = Buffer.allocUnsafe(65_536);

/**
 * The values of one column as PostgreSQL itself sends an array, which costs neither side the writing and reading of text: a
 * thousand rows of JSON took 2 microseconds a row more on either.
 *
 * @param at Which value of each row.
 */
export function arrayOf(kind: ColumnKind, rows: readonly (readonly unknown[])[], at: number): Buffer {
  const type = POSTGRES_TYPES[kind];
  const writer = WRITERS[type]!;
  let end = HEAD;
  let nulls = 0;
  for (const row of rows) {
    const value = row[at];
    if (value === null || value === undefined) {
      nulls = 1;
      reserve(end, 4);
      end = scratch.writeInt32BE(-1, end);
    } else end = writer(value, end);
  }
  scratch.writeInt32BE(rows.length === 0 ? 0 : 1, 0);
  scratch.writeInt32BE(nulls, 4);
  scratch.writeInt32BE(TYPE_NUMBERS[type]!, 8);
  scratch.writeInt32BE(rows.length, 12);
  scratch.writeInt32BE(1, 16);
  // An array without elements has no dimension.
  return Buffer.from(scratch.subarray(0, rows.length === 0 ? 12 : end));
}

/** Writes its length and a value, and gives where it ends. */
type Writer = (value: unknown, at: number) => number;

const WRITERS: Readonly<Record<string, Writer>> = {
  text: (value, at) => {
    const text = String(value);
    reserve(at, 4 + 3 * text.length);
    const bytes = scratch.write(text, at + 4, 'utf8');
    scratch.writeInt32BE(bytes, at);
    return at + 4 + bytes;
  },
  integer: (value, at) => {
    reserve(at, 8);
    scratch.writeInt32BE(4, at);
    return scratch.writeInt32BE(Number(value), at + 4);
  },
  bigint: (value, at) => {
    reserve(at, 12);
    const whole = Number(value);
    const high = Math.floor(whole / TWO_32);
    scratch.writeInt32BE(8, at);
    scratch.writeInt32BE(high, at + 4);
    return scratch.writeUInt32BE(whole - high * TWO_32, at + 8);
  },
  boolean: (value, at) => {
    reserve(at, 5);
    scratch.writeInt32BE(1, at);
    return scratch.writeUInt8(value ? 1 : 0, at + 4);
  },
};

function reserve(at: number, bytes: number): void {
  if (at + bytes <= scratch.length) return;
  const larger = Buffer.allocUnsafe(2 * (at + bytes));
  scratch.copy(larger, 0, 0, at);
  scratch = larger;
}
