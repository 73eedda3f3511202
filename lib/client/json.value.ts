import { InvalidOptionError } from '../errors/input.errors.js';

/** Anything that JSON has a form for. @publicApi */
export type JsonValue =
  string | number | boolean | null | undefined | readonly JsonValue[] | { readonly [field: string]: JsonValue };

/** How deep values may lie in each other. */
const MAX_DEPTH = 100;

/** How much of a value is written at the most, in characters. */
const MAX_LENGTH = 4_000_000;

const ISO = /^(?:\d{4}|[+-]\d{6})-\d\d-\d\dT/;

/** Values that JSON has no form for: what is written of each under its mark, and how that is read again. */
const MARKS = {
  $undefined: () => undefined,
  $date: (said: unknown) => {
    const date = new Date(said === null ? NaN : ISO.test(said as string) ? (said as string) : NaN);
    return said === null || !Number.isNaN(date.getTime()) ? date : refuse('$date', said, 'ISO 8601 text, or null');
  },
  $bigint: (said: unknown) =>
    typeof said === 'string' && /^-?\d{1,1000}$/.test(said)
      ? BigInt(said)
      : refuse('$bigint', said, 'a whole number as text, of at most 1,000 digits'),
  $number: (said: unknown) =>
    ['NaN', 'Infinity', '-Infinity', '-0'].includes(said as string)
      ? Number(said)
      : refuse('$number', said, '"NaN", "Infinity", "-Infinity" or "-0"'),
  $map: (said: unknown, depth: number) =>
    new Map(pairs(said).map(([key, value]) => [from(key, depth), from(value, depth)])),
  $set: (said: unknown, depth: number) => new Set(list('$set', said).map((value) => from(value, depth))),
  $regexp: (said: unknown) => {
    const [source, flags] = Array.isArray(said) ? said : [];
    if (typeof source !== 'string' || typeof flags !== 'string' || source.length > 1_000)
      refuse('$regexp', said, 'a list of a source of at most 1,000 characters and flags');
    try {
      return new RegExp(source, flags);
    } catch {
      return refuse('$regexp', said, 'a regular expression');
    }
  },
  $url: (said: unknown) => {
    try {
      return new URL(said as string);
    } catch {
      return refuse('$url', said, 'the text of a URL');
    }
  },
  $bytes: (said: unknown) => {
    try {
      return Uint8Array.from(atob(said as string), (character) => character.charCodeAt(0));
    } catch {
      return refuse('$bytes', said, 'base64 text');
    }
  },
  $object: (said: unknown, depth: number) =>
    isPlain(said) ? fields(said, depth) : refuse('$object', said, 'an object'),
} as const satisfies Record<string, (said: unknown, depth: number) => unknown>;

/**
 * Writes any value as JSON. What JSON has no form for is an object with one field that begins with `$`: `{ "$date": "…" }`,
 * `$bigint`, `$number` (`NaN`, infinities, `-0`), `$map` (pairs), `$set`, `$bytes` (base64), `$regexp` (source and flags), `$url`,
 * `$undefined`. An object of the user that looks like this is below `$object`. What cannot be written is `{ "$omitted": "why" }`,
 * which is not read again.
 *
 * @param maxLength How many characters are written at the most; what is longer is omitted as a whole.
 * @publicApi
 */
export function toJsonValue(value: unknown, maxLength: number = MAX_LENGTH): JsonValue {
  try {
    return new Writer(maxLength).of(value, 0);
  } catch (error) {
    if (error instanceof TooLong) return { $omitted: `longer than ${maxLength} characters` };
    return { $omitted: 'cannot be read' };
  }
}

/**
 * Reads what {@link toJsonValue} has written.
 *
 * @throws InvalidOptionError When a mark is not known, or its content is not what it should be.
 * @publicApi
 */
export function fromJsonValue(value: unknown): unknown {
  return from(value, 0);
}

class TooLong extends Error {}

class Writer {
  readonly #above = new Set<object>();

  constructor(private left: number) {}

  of(value: unknown, depth: number): JsonValue {
    switch (typeof value) {
      case 'string':
        return this.#spent(value, value.length);
      case 'number':
        if (Number.isFinite(value) && !Object.is(value, -0)) return this.#spent(value, 8);
        return this.#spent({ $number: Object.is(value, -0) ? '-0' : String(value) }, 20);
      case 'boolean':
        return this.#spent(value, 5);
      case 'undefined':
        return this.#spent({ $undefined: true }, 20);
      case 'bigint':
        return value < LARGEST && value > -LARGEST
          ? this.#spent({ $bigint: String(value) }, 1_000)
          : omitted('a bigint');
      case 'object':
        return value === null ? this.#spent(null, 4) : this.#object(value, depth);
      default:
        return omitted(`a ${typeof value}`);
    }
  }

  #object(value: object, depth: number): JsonValue {
    if (this.#above.has(value)) return omitted('a cycle');
    if (depth >= MAX_DEPTH) return omitted('too deep');
    this.#above.add(value);
    try {
      return this.#known(value, depth + 1);
    } finally {
      this.#above.delete(value);
    }
  }

  #known(value: object, depth: number): JsonValue {
    this.#spent(null, 2);
    if (Array.isArray(value)) return this.#list(value, depth);
    if (value instanceof Date) return { $date: Number.isNaN(value.getTime()) ? null : value.toISOString() };
    if (value instanceof Map) {
      return { $map: Array.from(value, ([key, one]) => [this.of(key, depth), this.of(one, depth)]) };
    }
    if (value instanceof Set) return { $set: Array.from(value, (one) => this.of(one, depth)) };
    if (value instanceof RegExp) return this.#spent({ $regexp: [value.source, value.flags] }, value.source.length);
    if (value instanceof URL) return this.#spent({ $url: value.href }, value.href.length);
    if (value instanceof ArrayBuffer) return this.#bytes(new Uint8Array(value));
    if (ArrayBuffer.isView(value)) return this.#bytes(new Uint8Array(value.buffer, value.byteOffset, value.byteLength));
    const entries = Object.entries(value).map(([key, one]) => [key, this.#field(key, one, depth)] as const);
    // Unlike an assignment, this takes `__proto__` for a field as any other.
    const written = Object.fromEntries(entries.filter(([, one]) => one !== undefined));
    return isMarked(written) ? { $object: written } : written;
  }

  #list(value: readonly unknown[], depth: number): JsonValue {
    this.#spent(null, value.length);
    return Array.from(value, (one) => this.of(one, depth));
  }

  #field(key: string, value: unknown, depth: number): JsonValue {
    this.#spent(null, key.length + 3);
    return value === undefined ? undefined : this.of(value, depth);
  }

  #bytes(bytes: Uint8Array): JsonValue {
    this.#spent(null, bytes.length * 1.4);
    let text = '';
    for (const byte of bytes) text += String.fromCharCode(byte);
    return { $bytes: btoa(text) };
  }

  #spent<T extends JsonValue>(value: T, length: number): T {
    this.left -= length;
    if (this.left < 0) throw new TooLong();
    return value;
  }
}

const LARGEST = 10n ** 1_000n;

function omitted(why: string): JsonValue {
  return { $omitted: why };
}

function from(value: unknown, depth: number): unknown {
  if (typeof value !== 'object' || value === null) return value;
  if (depth > MAX_DEPTH) refuse('a value', '…', `values of at most ${MAX_DEPTH} levels`);
  if (Array.isArray(value)) return value.map((one) => from(one, depth + 1));
  if (!isMarked(value)) return fields(value, depth + 1);
  const [mark, said] = Object.entries(value)[0]!;
  if (!Object.hasOwn(MARKS, mark)) {
    refuse('a mark', mark, `${Object.keys(MARKS).join(', ')}; an object with such a field stands below "$object"`);
  }
  return MARKS[mark as keyof typeof MARKS](said, depth + 1);
}

function fields(value: object, depth: number): object {
  return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, from(one, depth)]));
}

function isPlain(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Whether an object is read as a mark: it has one field, and that begins with `$`. */
function isMarked(value: object): boolean {
  const keys = Object.keys(value);
  return keys.length === 1 && keys[0]!.startsWith('$');
}

function list(mark: string, said: unknown): readonly unknown[] {
  return Array.isArray(said) ? said : refuse(mark, said, 'a list');
}

function pairs(said: unknown): readonly (readonly [unknown, unknown])[] {
  return list('$map', said).map((pair) =>
    Array.isArray(pair) && pair.length === 2
      ? (pair as [unknown, unknown])
      : refuse('$map', pair, 'pairs of a key and a value'),
  );
}

function refuse(mark: string, value: unknown, allowed: string): never {
  throw new InvalidOptionError(mark, value, allowed);
}
