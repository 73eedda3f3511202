import type { TaskDefinition } from './definition.js';

/** How long the key of a task may be, in characters: it is a value of an index, in clear. */
export const LONGEST_KEY = 100;

/** A path into the arguments of a task: `data.tenantId`, `args.0`, `args.1.region`. */
const PATH = /^(data|args)(\.[^.]+)+$/;

/** Whether a text is a path to a key. */
export function isKeyPath(path: string): boolean {
  return PATH.test(path);
}

/**
 * The key of a task: what its `limitKey` leads to, as text. Null where that is not a text of 1 to {@link LONGEST_KEY}
 * characters, a number, a bigint or a boolean.
 */
export function keyValueOf({ args, policies: { limitKey } }: TaskDefinition): string | null {
  if (limitKey === null || !isKeyPath(limitKey)) return null;
  const [root, ...names] = limitKey.split('.');
  let value: unknown = root === 'data' ? args[0] : args;
  for (const name of names) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, name)) return null;
    value = (value as Readonly<Record<string, unknown>>)[name];
  }
  return textOf(value);
}

function textOf(value: unknown): string | null {
  const isPlain = typeof value === 'boolean' || typeof value === 'bigint' || Number.isFinite(value);
  if (typeof value !== 'string' && !isPlain) return null;
  const text = String(value);
  // Databases keep UTF-8, which has no lone half of a surrogate pair.
  const isFit = text.trim() !== '' && text.length <= LONGEST_KEY && !/\0|\p{Surrogate}/u.test(text);
  return isFit ? text : null;
}
