import { types } from 'node:util';

/** Up to how many values arguments are looked at, in all and below one another. */
const MAX_VALUES = 2_000;
const MAX_DEPTH = 100;

/** Stands for arguments about which JSON Schema says nothing for certain. */
export const NO_VIEW = Symbol('no view');

/**
 * Arguments as JSON Schema sees them. A property that is undefined is not there. What JSON does not have, such as a Date or a BigInt, is
 * an empty object: schemas that take it let everything pass in its place.
 *
 * @returns {@link NO_VIEW} For an undefined element of a list, and for arguments that are too large to be checked at once.
 */
export function jsonViewOf(value: unknown): unknown {
  let left = MAX_VALUES;
  const view = (one: unknown, depth: number): unknown => {
    left -= 1;
    if (left < 0 || depth > MAX_DEPTH) throw NO_VIEW;
    switch (typeof one) {
      case 'string':
      case 'number':
      case 'boolean':
        return one;
      case 'undefined':
        throw NO_VIEW;
      case 'object':
        if (one === null) return null;
        if (Array.isArray(one)) return listView(one, depth);
        return isRecord(one) ? recordView(one, depth) : {};
      default:
        return {};
    }
  };
  const listView = (list: readonly unknown[], depth: number): unknown[] => {
    if (list.length > left) throw NO_VIEW;
    return Array.from(list, (element) => view(element, depth + 1));
  };
  const recordView = (record: object, depth: number): object => {
    const copy: Record<string, unknown> = {};
    for (const [key, one] of Object.entries(record)) {
      if (one === undefined) continue;
      // As in JSON: "__proto__" is a property like any other.
      Object.defineProperty(copy, key, { value: view(one, depth + 1), enumerable: true });
    }
    return copy;
  };
  try {
    return view(value, 0);
  } catch {
    return NO_VIEW;
  }
}

function isRecord(value: object): boolean {
  if (types.isProxy(value)) throw NO_VIEW;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}
