import { AssertionError } from 'node:assert/strict';
import { inspect } from 'node:util';

/**
 * Fails unless two values are the same in every part: numbers down to the sign of zero, kinds, keys, and the order in
 * maps and sets. Unlike `assert.deepStrictEqual` it does not ask whose `Array` an array is: jest runs tests in a realm of
 * their own, and there what Node has cloned or parsed is of another one.
 *
 * @param message What is said in front of the difference.
 */
export function assertSame(actual: unknown, expected: unknown, message?: string): void {
  const path = difference(actual, expected, 'value');
  if (path === null) return;
  throw new AssertionError({
    message: `${message ?? 'Not what was expected'}, at ${path}: ${show(actual)} instead of ${show(expected)}`,
    actual,
    expected,
    operator: 'deepStrictEqual',
    stackStartFn: assertSame,
  });
}

/** The path to the first part in which two values differ, or null. */
function difference(actual: unknown, expected: unknown, path: string): string | null {
  if (Object.is(actual, expected)) return null;
  if (!isObject(actual) || !isObject(expected) || kindOf(actual) !== kindOf(expected)) return path;
  switch (kindOf(expected)) {
    case 'Date':
      return Object.is(Number(actual), Number(expected)) ? null : path;
    case 'Map':
    case 'Set':
      return difference([...(actual as Map<unknown, unknown>)], [...(expected as Map<unknown, unknown>)], path);
    case 'Array':
      if ((actual as unknown[]).length !== (expected as unknown[]).length) return `${path}.length`;
      break;
    case 'Error':
      return (actual as Error).message === (expected as Error).message ? null : path;
  }
  return differenceOfKeys(actual, expected, path);
}

function differenceOfKeys(actual: object, expected: object, path: string): string | null {
  const keys = Object.keys(expected);
  if (Object.keys(actual).length !== keys.length) return path;
  for (const key of keys) {
    const at = `${path}[${JSON.stringify(key)}]`;
    if (!Object.hasOwn(actual, key)) return at;
    const found = difference(actual[key as never], expected[key as never], at);
    if (found !== null) return found;
  }
  return null;
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null;
}

/** `Array`, `Map`, `Uint8Array`, …; the same in every realm. */
export function kindOf(value: object): string {
  return Object.prototype.toString.call(value).slice(8, -1);
}

function show(value: unknown): string {
  return inspect(value, { depth: 6, maxStringLength: 200, maxArrayLength: 20, breakLength: 100 });
}
