import { inspect, types } from 'node:util';
import { bigintText } from './asyncz.error.js';
import { isArray, isObject, read, UNREADABLE } from './foreign.js';
import { takePromise } from './returned.js';

/**
 * An error of a handler as it is kept: plain data, whatever was thrown. Texts, causes and members are bounded.
 *
 * @publicApi
 */
export interface RunError {
  readonly name: string;
  readonly message: string;
  readonly code: string | null;
  readonly stack: string | null;
  /** What its `cause` was; null for none. */
  readonly cause: RunError | null;
  /** The members of an `AggregateError`; empty for others. */
  readonly errors: readonly RunError[];
}

/** How many characters are kept of each text. */
const LONGEST = { name: 200, message: 8_000, code: 200, stack: 16_000, line: 1_000 };

/** How many causes lie below each other at the most, and how many errors there are in all. */
const MAX_DEPTH = 8;
const MAX_ERRORS = 20;

/** How many keys an object has at the most whose content is shown. */
const MAX_KEYS = 100;

/**
 * Describes anything that was thrown, and never throws itself: errors of this realm and of others, plain objects, values of
 * any kind, errors whose getters throw, proxies. Nothing but this file looks at what code of others has thrown.
 */
export function describeThrown(thrown: unknown): RunError {
  takePromise(thrown);
  return new Description().of(thrown);
}

/** What a thrown value says, for a line of text. Never throws. */
export function messageOf(thrown: unknown): string {
  takePromise(thrown);
  if (!isObject(thrown)) return cut(textOf(thrown), LONGEST.line);
  return cut(messageIn(thrown) || nameIn(thrown), LONGEST.line);
}

/** The message of an error, with its code and those of its causes, for a line of text. */
export function headlineOf({ name, message, code, cause, errors }: RunError): string {
  const own = `${message || name}${code === null || message.includes(code) ? '' : ` (${code})`}`;
  const below = [...(cause ? [cause] : []), ...errors].map(headlineOf);
  return cut(below.length === 0 ? own : `${own}; caused by: ${below.join('; ')}`, LONGEST.message);
}

/** The stack of an error, followed by those of its causes; null where there is none. */
export function stackOf({ stack, cause, errors }: RunError): string | null {
  const below = [...(cause ? [cause] : []), ...errors].flatMap((one) => stackOf(one) ?? headlineOf(one));
  if (stack === null && below.length === 0) return null;
  return [stack ?? '', ...below.map((text) => `caused by: ${text}`)].join('\n');
}

/**
 * What others may look at in place of something thrown: the very same, unless looking at it may throw.
 *
 * @returns What was thrown, or an `Error` that says the same.
 */
export function presentable(thrown: unknown): unknown {
  takePromise(thrown);
  if (!isObject(thrown)) return thrown;
  const isSafe =
    !types.isProxy(thrown) &&
    ['name', 'message', 'code', 'stack', 'cause'].every((key) => {
      const value = read(thrown, key);
      return value !== UNREADABLE && typeof value !== 'symbol' && !types.isProxy(value);
    });
  return isSafe ? thrown : toError(describeThrown(thrown));
}

/**
 * The error that a description is of.
 *
 * @param prototypeOf The prototype of an error of this name; that of `Error` where it gives none.
 */
export function toError(
  description: RunError,
  prototypeOf: (name: string) => object | undefined = () => undefined,
): Error {
  const { name, message, code, stack, cause, errors } = description;
  const error = new Error(message, cause ? { cause: toError(cause, prototypeOf) } : undefined);
  const prototype = prototypeOf(name);
  if (prototype) Object.setPrototypeOf(error, prototype);
  return Object.assign(
    error,
    { name, stack: stack ?? `${name}: ${message}` },
    code !== null && { code },
    errors.length > 0 && { errors: errors.map((one) => toError(one, prototypeOf)) },
  );
}

/** The description of one thrown value and of what has caused it. */
class Description {
  readonly #seen = new Set<unknown>();
  #left = MAX_ERRORS;

  of(thrown: unknown, depth = 0): RunError {
    this.#left -= 1;
    if (!isObject(thrown)) return plain('Error', cut(textOf(thrown), LONGEST.message));
    this.#seen.add(thrown);
    const whole = messageIn(thrown);
    const message = cut(whole, LONGEST.message);
    return {
      name: nameIn(thrown),
      message,
      code: codeIn(thrown),
      stack: stackIn(thrown, whole, message),
      cause: this.#cause(read(thrown, 'cause'), depth + 1),
      errors: this.#members(read(thrown, 'errors'), depth + 1),
    };
  }

  #cause(cause: unknown, depth: number): RunError | null {
    if (cause === undefined || cause === null || cause === UNREADABLE || this.#seen.has(cause)) return null;
    if (depth >= MAX_DEPTH || this.#left <= 0) return plain('OmittedErrors', 'Further causes are left out.');
    return this.of(cause, depth);
  }

  #members(errors: unknown, depth: number): RunError[] {
    const length = isArray(errors) ? read(errors, 'length') : 0;
    if (typeof length !== 'number') return [];
    const members: RunError[] = [];
    let at = 0;
    // What is nested too deep is counted, and not looked at; nor is a long row of one and the same error.
    const end = depth < MAX_DEPTH ? Math.min(length, MAX_ERRORS) : 0;
    for (; at < end && this.#left > 0; at += 1) {
      const member = read(errors as object, at);
      if (!this.#seen.has(member)) members.push(this.of(member, depth));
    }
    if (at < length) members.push(plain('OmittedErrors', `${length - at} more errors are left out.`));
    return members;
  }
}

function plain(name: string, message: string): RunError {
  return { name, message, code: null, stack: null, cause: null, errors: [] };
}

function nameIn(thrown: object): string {
  const name = read(thrown, 'name');
  if (typeof name === 'string' && name !== '' && typeof thrown !== 'function') return cut(name, LONGEST.name);
  if ((typeof name === 'symbol' && name !== UNREADABLE) || typeof name === 'number')
    return cut(String(name), LONGEST.name);
  const made = read(thrown, 'constructor');
  const className = isObject(made) ? read(made, 'name') : undefined;
  const isTelling = typeof className === 'string' && !['', 'Object', 'Array', 'Function'].includes(className);
  return isTelling ? cut(className, LONGEST.name) : 'Error';
}

function messageIn(thrown: object): string {
  const message = read(thrown, 'message');
  if (typeof message === 'string') return message;
  if (message === UNREADABLE) return 'What was thrown cannot be read.';
  return message === undefined || message === null ? textOf(thrown) : textOf(message);
}

function codeIn(thrown: object): string | null {
  const code = read(thrown, 'code');
  const isCode = typeof code === 'string' || typeof code === 'number' || typeof code === 'bigint';
  return isCode ? cut(String(code), LONGEST.code) : null;
}

/** A stack begins with the message. Where that is long, the frames are kept all the same. */
function stackIn(thrown: object, whole: string, message: string): string | null {
  const stack = read(thrown, 'stack');
  if (typeof stack !== 'string') return null;
  const at = whole.length > message.length ? stack.indexOf(whole) : -1;
  const text = at < 0 ? stack : stack.slice(0, at) + message + stack.slice(at + whole.length);
  return cut(text, LONGEST.stack);
}

/** A text of `longest` characters at the most, and a sign that it was longer. */
export function cut(text: string, longest: number): string {
  return text.length > longest ? `${text.slice(0, longest)}…` : text;
}

/** Any value as text, bounded where it is an object, without a call of anything that belongs to it. */
export function textOf(value: unknown): string {
  if (typeof value === 'string') return value;
  if (typeof value === 'bigint') return bigintText(value);
  if (!isObject(value)) return String(value);
  try {
    if (types.isProxy(value)) return 'a Proxy';
    // Of a list, items beyond the first are not looked at. To ask for its keys would make a text of each place.
    const keys = isArray(value) || ArrayBuffer.isView(value) ? 0 : Object.keys(value).length;
    if (keys > MAX_KEYS) return `an object with ${keys} keys`;
    return inspect(value, {
      depth: 1,
      customInspect: false,
      maxArrayLength: 10,
      maxStringLength: 500,
      breakLength: 200,
    });
  } catch {
    return 'a value that cannot be shown';
  }
}
