import type { TaskDefinition } from './definition.js';
import { groupLaneOf, keyLaneOf } from './limits.js';

/**
 * The keys by which claims leave due tasks out, each with the function that gives a task's value. A task whose value is null
 * is never left out by that key.
 *
 * The filters and columns of all stores and the rules of the conformance kit are derived from this table. Values are stored
 * in clear. Memory and Redis keep a queue for each combination of them, so a key is not for a value that every task has
 * another of.
 *
 * @publicApi
 */
export const DUE_KEYS = {
  /**
   * The group whose limit it shares; with a rate limit, group and limit as one text. A claim leaves out what waits for
   * the end of other runs, or for the next permits.
   */
  group: groupLaneOf,
  /**
   * The key that it has within its group or its handler. A claim leaves out what waits for a limit of its key, and the keys that
   * have had their turn while others wait.
   */
  key: keyLaneOf,
  /** The executor that runs it. A claim leaves out the executors that are full. */
  executor: ({ executor }) => executor,
} as const satisfies Readonly<Record<string, (definition: TaskDefinition) => string | null>>;

/**
 * A key by which claims leave due tasks out.
 *
 * @publicApi
 */
export type DueKey = keyof typeof DUE_KEYS;

/**
 * The values of a task for {@link DUE_KEYS}.
 *
 * @publicApi
 */
export type DueKeyValues = Readonly<Record<DueKey, string | null>>;

/**
 * The values that a claim leaves out, by key. None of a key that is not there.
 *
 * @publicApi
 */
export type DueExcept = Readonly<Partial<Record<DueKey, readonly string[]>>>;

/** The keys of {@link DUE_KEYS}, in its order. */
export const DUE_KEY_NAMES = Object.keys(DUE_KEYS) as readonly DueKey[];

/** Makes something of every key. */
export function byDueKey<T>(make: (key: DueKey) => T): Record<DueKey, T> {
  return withDueKeys({}, make);
}

/** Sets something for every key in `object`, and returns it. A spread costs a hundred times as much (measured: 12 µs). */
export function withDueKeys<O extends object, T>(
  object: O,
  make: (key: DueKey, at: number) => T,
): O & Record<DueKey, T> {
  const values = object as Record<DueKey, T>;
  for (let at = 0; at < DUE_KEY_NAMES.length; at += 1) values[DUE_KEY_NAMES[at]!] = make(DUE_KEY_NAMES[at]!, at);
  return values as O & Record<DueKey, T>;
}

/** What a task has for each key. */
export function dueKeyValues(definition: TaskDefinition): DueKeyValues {
  return byDueKey((key) => DUE_KEYS[key](definition));
}

/** Whether a task with these values is left out. */
export function isLeftOut(values: DueKeyValues, except: DueExcept = {}): boolean {
  return DUE_KEY_NAMES.some((key) => values[key] !== null && except[key]?.includes(values[key]));
}
