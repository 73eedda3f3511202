/**
 * The base of every error that this library throws. `code` is stable; the message says what happened, with which value, and
 * what is allowed.
 *
 * @publicApi
 */
export abstract class AsynczError extends Error {
  /** A stable name for the kind of error, such as `ASYNCZ_UNKNOWN_OPTION`. */
  abstract readonly code: string;

  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = new.target.name;
  }
}

/** How long a value is in a message. */
const MAX_SHOWN = 120;

/** How many fields and items are looked at for that: more are not shown, and a value may have millions. */
const MAX_LOOKED_AT = 200;

/** Shows a value in a message: quoted, on one line, and short. */
export function show(value: unknown): string {
  let text: string;
  try {
    text = typeof value === 'string' ? JSON.stringify(start(value)) : describeValue(value);
  } catch {
    text = tagOf(value);
  }
  return text.length > MAX_SHOWN ? `${text.slice(0, MAX_SHOWN - 3)}...` : text;
}

/** What of a text can be shown. */
function start(text: string): string {
  return text.length > MAX_SHOWN ? text.slice(0, MAX_SHOWN) : text;
}

/** A value as JSON, of which nothing is written that could not be shown. */
function toShortJson(value: object): string | undefined {
  let looked = 0;
  return JSON.stringify(value, (_key, one: unknown) => {
    looked += 1;
    if (looked > MAX_LOOKED_AT) return undefined;
    if (typeof one === 'string') return start(one);
    if (typeof one !== 'object' || one === null) return one;
    // JSON asks for every item of an array and lists every key of an object, even where it gets nothing for them.
    return Array.isArray(one) ? one.slice(0, MAX_LOOKED_AT).map(shortBytes) : firstFields(one);
  });
}

function firstFields(value: object): object {
  const fields = Object.create(null) as Record<string, unknown>;
  let count = 0;
  for (const key in value) {
    if (!Object.hasOwn(value, key)) continue;
    count += 1;
    if (count > MAX_LOOKED_AT) break;
    fields[key] = shortBytes((value as Record<string, unknown>)[key]);
  }
  return fields;
}

/** JSON makes a list of all bytes of a `Buffer` before anybody is asked. */
function shortBytes(value: unknown): unknown {
  return ArrayBuffer.isView(value) ? viewText(value) : value;
}

function viewText(view: ArrayBufferView): string {
  return `${tagOf(view).slice('[object '.length, -1)} of ${view.byteLength} bytes`;
}

/** Above this it takes a bigint long to become text: the time grows faster than its length. */
const LARGEST_SHOWN = 2n ** 4_096n;

/** A bigint as text, as code writes it. */
export function bigintText(value: bigint): string {
  return value < LARGEST_SHOWN && value > -LARGEST_SHOWN ? `${value}n` : 'a bigint of more than 4,096 bits';
}

/** Of a proxy that was revoked, or whose traps throw, there is nothing that may be asked. */
function tagOf(value: unknown): string {
  try {
    return Object.prototype.toString.call(value);
  } catch {
    return `a ${typeof value} that cannot be shown`;
  }
}

function describeValue(value: unknown): string {
  if (typeof value === 'function') return `function ${start(value.name) || '(anonymous)'}`;
  if (typeof value === 'bigint') return bigintText(value);
  if (ArrayBuffer.isView(value)) return viewText(value);
  if (value instanceof Date) return Number.isNaN(value.getTime()) ? 'Invalid Date' : value.toISOString();
  if (typeof value === 'object' && value !== null) return toShortJson(value) ?? String(value);
  return String(value);
}

/** Lists what is allowed: `"a", "b" or "c"`. */
export function listOf(values: Iterable<string>): string {
  const all = [...values].map((value) => JSON.stringify(value));
  if (all.length === 0) return '(none)';
  return all.length === 1 ? all[0]! : `${all.slice(0, -1).join(', ')} or ${all.at(-1)}`;
}
