/** What stands for a property whose getter, or whose proxy, throws. */
export const UNREADABLE = Symbol('unreadable');

/** A property of something that nobody here has made. */
export function read(from: object, key: PropertyKey): unknown {
  try {
    return (from as Record<PropertyKey, unknown>)[key];
  } catch {
    return UNREADABLE;
  }
}

/** Whether a value can have properties. */
export function isObject(value: unknown): value is object {
  return (typeof value === 'object' && value !== null) || typeof value === 'function';
}

/** Whether a value is an array: to ask throws for a proxy that was revoked. */
export function isArray(value: unknown): value is readonly unknown[] {
  try {
    return Array.isArray(value);
  } catch {
    return false;
  }
}

/** Whether something thrown is an error of this class: `instanceof` throws for some proxies. */
export function isErrorOf<T>(thrown: unknown, errorClass: abstract new (...args: never[]) => T): thrown is T {
  try {
    return thrown instanceof errorClass;
  } catch {
    return false;
  }
}
