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
