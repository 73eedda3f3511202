import { InvalidOptionError } from './input.errors.js';

/** The longest name of a scheduler, in characters. */
const MAX_NAME_LENGTH = 200;

/** @throws InvalidOptionError When it is no name: a text that is not empty, and not very long. */
export function checkName(option: string, value: unknown): string {
  if (typeof value !== 'string' || value.trim() === '' || value.length > MAX_NAME_LENGTH) {
    throw new InvalidOptionError(option, value, `a text of 1 to ${MAX_NAME_LENGTH} characters`);
  }
  return value;
}

/** @throws InvalidOptionError */
export function checkFlag(option: string, value: unknown): boolean {
  if (typeof value !== 'boolean') throw new InvalidOptionError(option, value, 'true or false');
  return value;
}

/**
 * @param allowed What stands under each name, in words.
 * @throws InvalidOptionError When it is no object with names.
 */
export function checkNamed<T extends object>(option: string, value: T, allowed: string): T {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new InvalidOptionError(option, value, `an object with ${allowed} by name`);
  }
  return value;
}

/**
 * @param allowed What the list holds, in words.
 * @throws InvalidOptionError
 */
export function checkList<T extends readonly unknown[]>(option: string, value: T, allowed: string): T {
  if (!Array.isArray(value)) throw new InvalidOptionError(option, value, `a list of ${allowed}`);
  return value;
}

/** @throws InvalidOptionError When it has not all of these methods. */
export function checkMethods<T extends object>(option: string, value: T, methods: readonly (keyof T & string)[]): T {
  const isObject = typeof value === 'object' && value !== null;
  if (!isObject || methods.some((method) => typeof value[method] !== 'function')) {
    throw new InvalidOptionError(option, value, `an object with the methods ${methods.join(', ')}`);
  }
  return value;
}
