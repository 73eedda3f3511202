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
    if (Array.isArray(one)) return one.length > MAX_LOOKED_AT ? one.slice(0, MAX_LOOKED_AT) : one;
    return firstFields(one);
  });
}

function firstFields(value: object): object {
  const fields: Record<string, unknown> = {};
  let count = 0;
  for (const key in value) {
    if (!Object.hasOwn(value, key)) continue;
    count += 1;
    if (count > MAX_LOOKED_AT) return fields;
    fields[key] = (value as Record<string, unknown>)[key];
  }
  return value;
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
  if (typeof value === 'bigint') return `${value}n`;
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
