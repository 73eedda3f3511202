/**
 * A piece of SQL with its values kept apart: values only ever reach a server as bound parameters. Pieces are put together
 * with {@link sql} and turned into a statement by {@link compile}.
 */
export class Sql {
  /**
   * @param texts One more than there are values.
   * @param isRepeated See {@link repeated}.
   * @param isUnheeded See {@link early}.
   * @param isLast See {@link last}.
   */
  constructor(
    readonly texts: readonly string[],
    readonly values: readonly unknown[],
    readonly isRepeated = false,
    readonly isUnheeded = false,
    readonly isLast = false,
  ) {}
}

/**
 * A whole statement that is made over and over with the same text: where the database can keep it prepared for one's
 * connections, it is parsed and planned once.
 */
export function repeated({ texts, values }: Sql): Sql {
  return new Sql(texts, values, true);
}

/**
 * The last statement of a transaction: where the session can, it commits in the same round trip. What the script does with the
 * answer must not fail, since that undoes nothing.
 */
export function last({ texts, values, isRepeated }: Sql): Sql {
  return new Sql(texts, values, isRepeated, false, true);
}

/**
 * One statement that is carried out for each of some rows, for a database in the process: there a statement that is kept
 * prepared costs less than one over all rows, whose text differs with their number.
 */
export class EachRow extends Sql {
  /**
   * @param text With `?` for each value.
   * @param rows What is bound, in the order of the text. The session may bind in place.
   */
  constructor(
    text: string,
    readonly rows: readonly unknown[][],
  ) {
    super([text], []);
  }
}

/** Writes SQL: other pieces are put in as they are, everything else becomes a bound parameter. */
export function sql(texts: TemplateStringsArray, ...parts: readonly unknown[]): Sql {
  const out = [texts[0]!];
  const values: unknown[] = [];
  for (const [at, part] of parts.entries()) {
    const after = texts[at + 1]!;
    if (part instanceof Sql) {
      out[out.length - 1] += part.texts[0]!;
      out.push(...part.texts.slice(1));
      out[out.length - 1] += after;
      values.push(...part.values);
    } else {
      values.push(part);
      out.push(after);
    }
  }
  return new Sql(out, values);
}

/** Text of this package's own, such as a quoted identifier. Never something that comes from a caller. */
export function raw(text: string): Sql {
  return new Sql([text], []);
}

/** Pieces one after another. */
export function join(parts: readonly Sql[], separator: string): Sql {
  const texts = [''];
  const values: unknown[] = [];
  for (const [at, part] of parts.entries()) {
    texts[texts.length - 1] += (at > 0 ? separator : '') + part.texts[0]!;
    for (const text of part.texts.slice(1)) texts.push(text);
    for (const value of part.values) values.push(value);
  }
  return new Sql(texts, values);
}

/** Values as bound parameters, separated by commas. */
export function list(values: readonly unknown[]): Sql {
  if (values.length === 0) return raw('');
  return new Sql(['', ...values.slice(1).map(() => ', '), ''], values);
}

/** Conditions that all hold; true when there is none. */
export function all(conditions: readonly Sql[]): Sql {
  return conditions.length === 0 ? raw('1 = 1') : join(conditions, ' AND ');
}

/** The text of a statement with the database's own placeholders, and its parameters in their order. */
export interface CompiledSql {
  readonly text: string;
  readonly parameters: readonly unknown[];
}

/** @param placeholder Writes the parameter of an index, counted from 0. */
export function compile({ texts, values }: Sql, placeholder: (index: number) => string): CompiledSql {
  let text = texts[0]!;
  for (let at = 1; at < texts.length; at += 1) text += placeholder(at - 1) + texts[at]!;
  return { text, parameters: values };
}

/** What a statement gave. */
export interface Rows {
  readonly records: readonly Readonly<Record<string, unknown>>[];
  /** How many rows were written, where the driver says so. */
  readonly affected: number;
  /** The same for each of the rows of an {@link EachRow}. */
  readonly affectedBy?: readonly number[];
}

/**
 * What is done in a database, one statement after another, without saying how one waits for them: a driver that answers
 * at once runs it in one go, so that nothing else of the process comes in between; one over a network awaits each.
 */
export type Script<T> = Generator<Sql, T, Rows>;

/** A script of one statement. */
export function* once(statement: Sql): Script<Rows> {
  return yield statement;
}

/**
 * A statement whose answer is looked into only when that of a later one is there, or when the transaction is over: it may be sent
 * without waiting for it. The rows that the script is given are filled in until then.
 */
export function early({ texts, values, isRepeated }: Sql): Sql {
  return new Sql(texts, values, isRepeated, true);
}

/**
 * The statements of a script, of whose answers nothing is made: they may be sent without waiting for one another. That one
 * has failed comes out at the end of the transaction.
 */
export function* unheeded(script: Script<unknown>): Script<void> {
  let step = script.next();
  while (!step.done) {
    const { value } = step;
    // That one is answered at once anyway.
    step = script.next(yield value instanceof EachRow ? value : early(value));
  }
}

/** A number of a driver: `bigint` columns come as text, number or bigint. */
export function toNumber(value: unknown): number {
  return Number(value);
}

/** The same, or null. */
export function toNullableNumber(value: unknown): number | null {
  return value === null || value === undefined ? null : Number(value);
}

/** The most rows that any database can be asked for; more are in none. */
const MOST = 2_147_483_647;

/** A limit or an offset as databases take it: `Infinity` asks for all. */
export function rowCount(count: number): number {
  return Math.min(count, MOST);
}
