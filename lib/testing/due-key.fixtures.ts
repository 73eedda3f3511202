import { byDueKey, DUE_KEY_NAMES, DUE_KEYS } from '../model/due-keys.js';
import type { DueExcept, DueKey } from '../model/due-keys.js';
import { makeTask } from './task.fixtures.js';
import type { TaskFields } from './task.fixtures.js';

function keyed(tenant: string): TaskFields {
  return { args: [tenant], policies: { limitKey: 'args.0', keyLimit: 1 } };
}

/** For each key a task that is left out, by a value that no plain task has, and one whose value could be taken for it. */
const FIELDS: Readonly<Record<DueKey, readonly [leftOut: TaskFields, alike: TaskFields]>> = {
  group: [{ policies: { group: 'slow lane' } }, { policies: { group: 'slow' } }],
  key: [keyed('slow lane'), keyed('slow')],
  executor: [{ executor: 'slow lane' }, { executor: 'slow' }],
};

/** What the rules of one due key need. */
export interface DueKeyCase {
  readonly key: DueKey;
  /** The value that is left out. */
  readonly value: string;
  /** That, and what the same fields give a task that has other fields of {@link others}, or another handler, beside them. */
  readonly values: readonly string[];
  /** Makes a task have that value. */
  readonly leftOut: TaskFields;
  /** Makes a task have another value of the key that could be taken for it. */
  readonly alike: TaskFields;
  /** Makes a task have the value that is left out by another key, and none of this one: one for each of the others. */
  readonly others: readonly TaskFields[];
  /** What leaves tasks out by every key. */
  readonly exceptAll: DueExcept;
}

/** The same rule for every due key, by a name that says the key. */
export function perDueKey<T>(name: (key: DueKey) => string, rule: (each: DueKeyCase) => T): Record<string, T> {
  return Object.fromEntries(DUE_KEY_NAMES.map((key) => [name(key), rule(caseOf(key))]));
}

/** The fields of all as those of one task. A later one wins. */
export function joined(...all: readonly TaskFields[]): TaskFields {
  const fields = Object.assign({}, ...all) as TaskFields;
  const policies = Object.assign({}, ...all.map((each) => each.policies)) as TaskFields['policies'];
  return { ...fields, policies };
}

function caseOf(key: DueKey): DueKeyCase {
  const [leftOut, alike] = FIELDS[key];
  const values = valuesOf(key);
  return { key, value: values[0]!, values, leftOut, alike, others: othersOf(key), exceptAll: byDueKey(valuesOf) };
}

function othersOf(key: DueKey): readonly TaskFields[] {
  return DUE_KEY_NAMES.filter((other) => other !== key).map((other) => FIELDS[other][0]);
}

/** Of a task with no other field first. A key within a group is another one than that within a handler. */
function valuesOf(key: DueKey): readonly string[] {
  const tasks = [[], othersOf(key), [{ handler: 'other' }]].map((fields) => joined(...fields, FIELDS[key][0]));
  return [...new Set(tasks.map((fields) => DUE_KEYS[key](makeTask('any', fields).definition)!))];
}
