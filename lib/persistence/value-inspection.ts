import { types } from 'node:util';
import { show } from '../errors/asyncz.error.js';

/**
 * How deep values may be nested. Writers and readers recurse, and what one call stack can write, another one, deeper in
 * an application, could not read again: a fixed limit far below any stack's is the same everywhere.
 */
export const MAX_DEPTH = 500;

/** What {@link inspectValue} accepts, in words. */
export const ALLOWED_VALUES =
  'null, undefined, booleans, numbers, bigints of at most 131072 bits, strings, Date, Map, Set, ArrayBuffer, typed arrays, ' +
  `and plain objects and arrays of these, without cycles, at most ${MAX_DEPTH} deep`;

/** What a plain JSON value may hold, in words. */
export const ALLOWED_JSON = `plain JSON: null, booleans, finite numbers, strings, and objects and arrays of these, at most ${MAX_DEPTH} deep`;

/** A value that cannot be written, and where it is. */
export class ValueFault extends Error {
  constructor(
    /** From the value that was inspected: `[0].list[2]`. */
    readonly path: string,
    readonly problem: string,
    readonly allowed: string,
    options?: ErrorOptions,
  ) {
    super(`${path} is ${problem}. Allowed: ${allowed}.`, options);
  }
}

/** A value that takes more bytes than it may, however it is written. */
export class LargeValueFault extends Error {
  constructor(readonly maxBytes: number) {
    super(`It takes more than ${maxBytes} bytes.`);
  }
}

/**
 * Looks at every part of a value before it is written, and after it was read: whatever wrote it, nothing but data gets
 * through.
 *
 * @param maxBytes Where what is written may not be longer, in bytes: a value that is far too large is not looked at to its end.
 * @returns `json` when JSON text gives back the very same, else `rich`.
 * @throws ValueFault For what cannot be written. LargeValueFault
 */
export function inspectValue(value: unknown, maxBytes = Infinity): 'json' | 'rich' {
  const inspection = new Inspection(false, '', maxBytes);
  inspection.visit(value, 0);
  return inspection.rich ? 'rich' : 'json';
}

/**
 * Checks that JSON text gives back the same, but for members that are undefined, which it leaves out.
 *
 * @param name What the value is called in a path.
 * @throws ValueFault Where it would not.
 */
export function inspectJson(value: unknown, name: string): void {
  new Inspection(true, name).visit(value, 0);
}

class Inspection {
  rich = false;
  readonly #path: string[];
  /** Every object that was met: true while its parts are visited. */
  readonly #met = new Map<object, boolean>();
  /** Long texts that were met: what is no plain JSON is written with each text once. */
  #texts: Set<string> | null = null;
  /** How many bytes the rest may take. Every part takes one at the least. */
  #left: number;

  constructor(
    private readonly jsonOnly: boolean,
    name = '',
    private readonly maxBytes = Infinity,
  ) {
    this.#path = [name];
    this.#left = maxBytes;
  }

  visit(value: unknown, depth: number): void {
    this.#spend(1);
    switch (typeof value) {
      case 'string':
        return this.#visitText(value);
      case 'boolean':
        return;
      case 'number':
        if (!Number.isFinite(value) || Object.is(value, -0)) this.#needsMore(String(value));
        return;
      case 'undefined':
        this.rich = true;
        return;
      case 'bigint':
        if (value >= LARGEST_BIGINT || value <= -LARGEST_BIGINT) {
          this.#refuse(`a bigint of more than ${BIGINT_BITS} bits`);
        }
        return this.#needsMore('a bigint');
      case 'object':
        if (value !== null) this.#visitObject(value, depth);
        return;
      default:
        this.#refuse(typeof value === 'function' ? `a function (${show(value.name)})` : `a ${typeof value}`);
    }
  }

  #visitObject(value: object, depth: number): void {
    const met = this.#met.get(value);
    if (met === true) this.#refuse('a part of itself (a cycle)');
    // Once more: JSON would write it twice, and what is nested in such twins 2 ^ n times.
    if (met === false) return this.#needsMore('an object that occurs twice');
    if (depth >= MAX_DEPTH) this.#refuse(`nested more than ${MAX_DEPTH} levels deep`);
    this.#met.set(value, true);
    this.#visitParts(value, depth + 1);
    this.#met.set(value, false);
  }

  #visitParts(value: object, depth: number): void {
    const ancestors = ancestorsOf(value);
    if (Array.isArray(value) && ancestors === 2) return this.#visitArray(value, depth);
    if (ancestors <= 1 && isPlainObject(value)) return this.#visitPlain(value as Record<string, unknown>, depth);
    if (isBinary(value)) {
      this.#spend((value as ArrayBufferView).byteLength);
      return this.#needsMore('binary data');
    }
    if (ancestors === 2 && types.isDate(value)) return this.#needsMore('a Date');
    if (ancestors === 2 && types.isMap(value)) return this.#visitMap(value, depth);
    if (ancestors === 2 && types.isSet(value)) return this.#visitSet(value, depth);
    this.#refuse(describeInstance(value));
  }

  #visitArray(value: readonly unknown[], depth: number): void {
    for (let at = 0; at < value.length; at += 1) {
      const part = value[at];
      this.#path.push(`[${at}]`);
      // A hole is refused at once: an array of 4,294,967,295 of them takes no memory and would be walked for minutes.
      if (part === undefined && !Object.hasOwn(value, at)) this.#refuse('a hole in an array');
      this.#enter(part, depth);
      this.#path.pop();
    }
  }

  #visitPlain(value: Record<string, unknown>, depth: number): void {
    if (Object.getPrototypeOf(value) === null) this.#needsMore('an object without a prototype');
    for (const key of Object.keys(value)) {
      this.#path.push(KEY.test(key) ? `.${key}` : `[${show(key)}]`);
      // With its quotes and a colon.
      this.#spend(key.length + 3);
      if (key === '__proto__') this.#refuse('under a key that stands for a prototype');
      this.#enter(value[key], depth);
      this.#path.pop();
    }
    if (Object.getOwnPropertySymbols(value).length > 0) this.#refuse('an object with symbols as keys');
  }

  #visitMap(value: Map<unknown, unknown>, depth: number): void {
    this.#needsMore('a Map');
    for (const [key, part] of value) {
      this.#spend(2);
      this.#path.push(`.get(${typeof key === 'object' ? '…' : show(key)})`);
      this.visit(key, depth);
      this.visit(part, depth);
      this.#path.pop();
    }
  }

  #visitSet(value: Set<unknown>, depth: number): void {
    this.#needsMore('a Set');
    let at = 0;
    for (const part of value) {
      this.#path.push(`.values[${at++}]`);
      this.visit(part, depth);
      this.#path.pop();
    }
  }

  #enter(part: unknown, depth: number): void {
    // What stands between two parts.
    this.#spend(1);
    if (typeof part !== 'string') return this.visit(part, depth);
    this.#spend(1);
    if (part.length > LONG_TEXT) this.#visitText(part);
  }

  #visitText(text: string): void {
    if (text.length <= LONG_TEXT || this.maxBytes === Infinity) return;
    // Before it is remembered, which reads all of it.
    if (text.length > this.maxBytes) this.#spend(Infinity);
    this.#texts ??= new Set();
    if (this.#texts.has(text)) return;
    this.#texts.add(text);
    this.#spend(text.length);
  }

  #spend(bytes: number): void {
    this.#left -= bytes;
    if (this.#left < 0) throw new LargeValueFault(this.maxBytes);
  }

  /** The value is fine, but JSON cannot write it. */
  #needsMore(what: string): void {
    if (this.jsonOnly) this.#refuse(what);
    this.rich = true;
  }

  #refuse(problem: string): never {
    const path = this.#path.join('');
    const shown = path.length > 200 ? `${path.slice(0, 100)} … ${path.slice(-60)}` : path;
    throw new ValueFault(shown, problem, this.jsonOnly ? ALLOWED_JSON : ALLOWED_VALUES);
  }
}

/** A text is counted by its length if it is longer, in characters. */
const LONG_TEXT = 100;

/** The time to write a bigint grows faster than its length: one of a mebibyte takes more than a second. */
const BIGINT_BITS = 131_072;
const LARGEST_BIGINT = 2n ** BigInt(BIGINT_BITS);

const KEY = /^[A-Za-z_$][\w$]*$/;

/** How many prototypes a value has: 1 for a plain object, 2 for an array, one more for each class above. */
function ancestorsOf(value: object): number {
  let count = 0;
  for (let proto = Object.getPrototypeOf(value); proto !== null && count < 6; proto = Object.getPrototypeOf(proto)) {
    count += 1;
  }
  return count;
}

/** Of this realm or another one (a test runner's): `Object.prototype` knows `isPrototypeOf` itself. */
function isPlainObject(value: object): boolean {
  const proto: unknown = Object.getPrototypeOf(value);
  return proto === null || proto === Object.prototype || Object.hasOwn(proto as object, 'isPrototypeOf');
}

function isBinary(value: object): boolean {
  if (types.isArrayBuffer(value)) return ancestorsOf(value) === 2;
  if (!ArrayBuffer.isView(value)) return false;
  return Buffer.isBuffer(value) || ancestorsOf(value) <= 3;
}

function describeInstance(value: object): string {
  const { constructor } = value as { constructor?: unknown };
  const name = typeof constructor === 'function' ? constructor.name : '';
  return `an instance of ${name || 'a class'}`;
}
