import { deserialize, serialize } from 'node:v8';
import { isErrorOf, isObject, read, UNREADABLE } from '../../errors/foreign.js';
import { InvalidOptionError } from '../../errors/input.errors.js';
import {
  DuplicateStepError,
  RunSuspendedError,
  StepLimitError,
  StepOutsideRunError,
  StepResultError,
} from '../../errors/step.errors.js';
import { ArgumentsRefusedError, SchemaFailedError } from '../../errors/schema.errors.js';
import { LeaseLostError, RunCancelledError, RunTimeoutError, ShutdownError } from '../../errors/run.errors.js';
import { describeThrown, messageOf, toError } from '../../errors/thrown.js';
import type { RunError } from '../../errors/thrown.js';
import { NonRetryableError, RetryLaterError } from '../../model/handler.errors.js';

/** What of a value goes from one thread or process to another: its bytes, or why it does not. */
export type Packed =
  { readonly bytes: Uint8Array } | { readonly problem: 'unserializable' | 'too-large'; readonly message: string };

/**
 * Makes bytes of a value, as structured clone does. Never throws.
 *
 * @param maxBytes What is larger does not go: whoever gets it would be blocked by reading it.
 */
export function pack(value: unknown, maxBytes: number): Packed {
  try {
    const bytes = serialize(value);
    if (bytes.byteLength <= maxBytes) return { bytes };
    return { problem: 'too-large', message: `It takes ${bytes.byteLength} bytes. Allowed: ${maxBytes} bytes.` };
  } catch (error) {
    return { problem: 'unserializable', message: messageOf(error) };
  }
}

/** The value that bytes of {@link pack} are of. */
export function unpack(bytes: Uint8Array): unknown {
  return deserialize(bytes);
}

/** Classes of errors that are the same on the other side, the more special ones first. A subclass of one becomes that one. */
const CLASSES: ReadonlyMap<string, abstract new (...args: never[]) => Error> = new Map(
  [
    NonRetryableError,
    RetryLaterError,
    InvalidOptionError,
    DuplicateStepError,
    StepLimitError,
    StepOutsideRunError,
    StepResultError,
    RunSuspendedError,
    ArgumentsRefusedError,
    SchemaFailedError,
    LeaseLostError,
    RunCancelledError,
    RunTimeoutError,
    ShutdownError,
    AggregateError,
    EvalError,
    RangeError,
    ReferenceError,
    SyntaxError,
    TypeError,
    URIError,
  ].map((one) => [one.name, one]),
);

/** The fields that every error has, and that its description holds. */
const DESCRIBED = new Set(['name', 'message', 'code', 'stack', 'cause', 'errors']);

/** How many bytes the further fields of an error have at the most. */
const MAX_FIELD_BYTES = 65_536;

/** Something thrown, on its way to another thread or process. */
export interface CrossedError {
  readonly description: RunError;
  /** The name of the class of {@link CLASSES} that it is of; null for another one. */
  readonly kind: string | null;
  /** Its further fields, such as `afterMs`, as bytes; null where there are none, or they cannot go. */
  readonly fields: Uint8Array | null;
}

/** Describes something thrown for the other side. Never throws. */
export function crossError(thrown: unknown): CrossedError {
  const description = describeThrown(thrown);
  const kind = [...CLASSES].find(([, one]) => isErrorOf(thrown, one))?.[0] ?? null;
  const packed = isObject(thrown) ? pack(furtherFields(thrown), MAX_FIELD_BYTES) : null;
  return { description, kind, fields: packed && 'bytes' in packed ? packed.bytes : null };
}

/** The error that came from the other side: of the same class where both know it, else an `Error` with the same name. */
export function reviveError({ description, kind, fields }: CrossedError): Error {
  const error = toError(description, (name) => CLASSES.get(name)?.prototype as object | undefined);
  if (kind !== null) Object.setPrototypeOf(error, CLASSES.get(kind)!.prototype as object);
  if (fields !== null) Object.assign(error, unpack(fields));
  return error;
}

/** Those that can go. */
function furtherFields(thrown: object): Readonly<Record<string, unknown>> {
  const fields: Record<string, unknown> = {};
  for (const key of keysOf(thrown)) {
    if (DESCRIBED.has(key)) continue;
    const value = read(thrown, key);
    if (value !== UNREADABLE && 'bytes' in pack(value, MAX_FIELD_BYTES)) fields[key] = value;
  }
  return fields;
}

function keysOf(thrown: object): readonly string[] {
  try {
    return Object.keys(thrown).slice(0, 100);
  } catch {
    return [];
  }
}
