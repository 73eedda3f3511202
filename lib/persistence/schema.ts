import { MAX_COUNT, MAX_INTEGER, MAX_TIME } from '../model/bounds.js';
import { isJsonObject } from './json-text.js';

/** Checks one value: null when it is right, else the path to the fault, from the value: `''` or `.retry.attempts`. */
export type Check = (value: unknown) => string | null;

/** One check for each field of a type, so that a field that is added to the model cannot be forgotten here. */
export type Fields<T> = { readonly [K in keyof T]-?: Check };

/** Stores add to versions, and to the tokens of tasks that they take, without a plan that keeps to {@link MAX_COUNT}. */
export const LARGEST_COUNT = MAX_COUNT + 1_000_000;

const OK = null;
const FAULT = '';

export const isText: Check = (value) => (typeof value === 'string' ? OK : FAULT);
/** A list of anything. */
export const isArray: Check = (value) => (Array.isArray(value) ? OK : FAULT);
export const isFlag: Check = (value) => (typeof value === 'boolean' ? OK : FAULT);
/** A count, a version or a token. */
export const isCount: Check = (value) => (isWhole(value, 0, LARGEST_COUNT) ? OK : FAULT);
export const isPositive: Check = (value) => (isWhole(value, 1, Number.MAX_SAFE_INTEGER) ? OK : FAULT);
/** The number of an attempt. */
export const isAttempt: Check = (value) => (isWhole(value, 1, MAX_INTEGER) ? OK : FAULT);
export const isInteger: Check = (value) => (isWhole(value, -MAX_INTEGER - 1, MAX_INTEGER) ? OK : FAULT);
/** Milliseconds since the epoch. A fraction is no damage: a wait of `'1.5ms'` leads to one, and must not cost the task. */
export const isTime: Check = (value) => (Number.isFinite(value) && Math.abs(value as number) <= MAX_TIME ? OK : FAULT);
/** A length of time in milliseconds. */
export const isLength: Check = (value) => (Number.isFinite(value) && (value as number) >= 0 ? OK : FAULT);

function isWhole(value: unknown, from: number, to: number): boolean {
  return Number.isSafeInteger(value) && (value as number) >= from && (value as number) <= to;
}

export function nullable(check: Check): Check {
  return (value) => (value === null ? OK : check(value));
}

/** A field that may be left out. */
export function optional(check: Check): Check {
  return (value) => (value === undefined ? OK : check(value));
}

export function oneOf<T extends string>(allowed: readonly T[]): Check {
  return (value) => (allowed.includes(value as T) ? OK : FAULT);
}

export function listOfEach(check: Check): Check {
  return (value) => {
    if (!Array.isArray(value)) return FAULT;
    for (let at = 0; at < value.length; at += 1) {
      const fault = check(value[at]);
      if (fault !== OK) return `[${at}]${fault}`;
    }
    return OK;
  };
}

/** An object whose fields, whatever their names, all meet one check. */
export function recordOf(check: Check): Check {
  return (value) => {
    if (!isJsonObject(value)) return FAULT;
    for (const key of Object.keys(value)) {
      const fault = check(value[key]);
      if (fault !== OK) return `.${key}${fault}`;
    }
    return OK;
  };
}

/**
 * An object with at least these fields. Further ones may be there: a newer release may have written them, and a rolling
 * deploy must not drop them.
 */
export function objectOf<T>(fields: Fields<T>): Check {
  const checks = Object.entries(fields) as [string, Check][];
  return (value) => {
    if (!isJsonObject(value)) return FAULT;
    for (const [key, check] of checks) {
      const fault = check(value[key]);
      if (fault !== OK) return `.${key}${fault}`;
    }
    return OK;
  };
}
