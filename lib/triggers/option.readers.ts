import { listOf } from '../errors/asyncz.error.js';
import { InvalidOptionError } from '../errors/input.errors.js';

/** Whether an option has a value: JSON has null for those that have none. */
export function given(value: unknown): boolean {
  return value !== undefined && value !== null;
}

/**
 * One of a few words; undefined when it is not given.
 *
 * @throws InvalidOptionError
 */
export function readChoice<T extends string>(value: unknown, option: string, allowed: readonly T[]): T | undefined {
  if (!given(value)) return undefined;
  if (!(allowed as readonly unknown[]).includes(value)) throw new InvalidOptionError(option, value, listOf(allowed));
  return value as T;
}
