import { types } from 'node:util';
import { isObject, read, UNREADABLE } from './foreign.js';

/**
 * Takes a promise that code of others has returned where none is awaited: without that, one that rejects would end the process.
 * Never throws.
 *
 * @param failed Is told what it rejects with.
 * @returns Whether it is a promise, or something that looks like one.
 */
export function takePromise(value: unknown, failed: (error: unknown) => void = () => {}): boolean {
  if (!isObject(value)) return false;
  if (!types.isPromise(value) && typeof read(value, 'then') !== 'function') return false;
  new Promise((resolve) => resolve(value)).catch((error: unknown) => {
    // A promise may be what it rejects with.
    takePromise(error);
    failed(error);
  });
  return true;
}

/** Whether `await` gets past a value: it reads `then`, which throws for some proxies. */
export function isAwaitable(value: unknown): boolean {
  if (!isObject(value)) return true;
  return read(value, 'then') !== UNREADABLE;
}

/** Whether a value is a promise whose `then` is that of every promise. */
function isPlain(value: object): value is Promise<unknown> {
  if (!types.isPromise(value) || Object.getPrototypeOf(value) !== Promise.prototype) return false;
  return !Object.hasOwn(value, 'then') && !Object.hasOwn(value, 'constructor');
}

/**
 * What `await` would wait for, as a promise of this program; null for a value that it would not wait for. Never throws.
 */
export function promiseOf(value: unknown): Promise<unknown> | null {
  if (!isObject(value)) return null;
  if (!types.isPromise(value) && typeof read(value, 'then') !== 'function') return null;
  // One of the usual kind is taken as it is: a promise around it would cost as much as all that the engine does for a run.
  return isPlain(value) ? value : new Promise((resolve) => resolve(value));
}
