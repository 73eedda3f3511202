import { types } from 'node:util';
import { isArray, read, UNREADABLE } from '../../errors/foreign.js';
import { InvalidOptionError } from '../../errors/input.errors.js';
import type { TaskInput } from '../../model/definition.js';

/**
 * The arguments of a task: a list, or one object in its place.
 *
 * @publicApi
 */
export interface GivenInput {
  /** What the handler is called with. */
  readonly args?: readonly unknown[];
  /** The one object that the handler is called with. */
  readonly data?: object;
}

/** The arguments of a task that is given none. */
const NO_ARGS: readonly unknown[] = [];

/** Whether arguments are given, in the one form or the other. */
export function givesInput({ args, data }: GivenInput): boolean {
  return args !== undefined || data !== undefined;
}

/** Whether a change is about what a handler is called with. @throws InvalidOptionError */
export function changesInput(
  changes: GivenInput & { readonly handler?: string | undefined; readonly schemaVersion?: number },
): boolean {
  if (givesInput(changes) || changes.handler !== undefined) return true;
  if (changes.schemaVersion === undefined) return false;
  throw new InvalidOptionError('schemaVersion', changes.schemaVersion, 'given with the arguments that it is of');
}

/** How arguments are given. */
export function inputKind({ data }: GivenInput): TaskInput {
  return data === undefined ? 'args' : 'data';
}

/** What the handler is called with. @throws InvalidOptionError */
export function argsOf({ args, data }: GivenInput): readonly unknown[] {
  if (data === undefined) return checkArgs(args ?? NO_ARGS);
  if (args !== undefined) throw new InvalidOptionError('data', data, 'an object, without "args" beside it');
  // A list is one of arguments: an upcast gives the one or the other.
  if (!isRecord(data)) {
    throw new InvalidOptionError('data', data, 'an object; lists and values of other kinds are given as "args"');
  }
  return [data];
}

/** Whether a value has fields, and is none of the values that stand for something else, nor a proxy that was revoked. */
function isRecord(value: unknown): value is object {
  if (typeof value !== 'object' || value === null || types.isDate(value) || types.isMap(value) || types.isSet(value)) {
    return false;
  }
  // To ask a proxy that was revoked throws.
  return read(value, 'constructor') !== UNREADABLE && !isArray(value) && !isBinary(value);
}

function isBinary(value: object): boolean {
  return ArrayBuffer.isView(value) || types.isAnyArrayBuffer(value);
}

function checkArgs(args: unknown): readonly unknown[] {
  if (!isArray(args)) throw new InvalidOptionError('args', args, 'an array');
  return args;
}
