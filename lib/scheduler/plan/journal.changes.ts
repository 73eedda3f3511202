import { isDeepStrictEqual } from 'node:util';
import { isDisabled } from '../../model/definition.js';
import { JournalValues } from '../../model/journal.values.js';
import type { JournalChange } from '../../model/journal.js';
import { DEFAULT_POLICIES } from '../../model/task.policies.js';
import type { TaskPolicies } from '../../model/task.policies.js';
import type { TaskRecord } from '../../model/task.js';

const POLICIES = Object.keys(DEFAULT_POLICIES) as (keyof TaskPolicies)[];

/** The fields of a task that people change, in the order in which they are told. */
type Fields = Readonly<Record<string, unknown>>;

function fieldsOf({ definition, state }: TaskRecord): Fields {
  const { handler, name, trigger, args, input, schemaVersion, executor, tags, policies } = definition;
  const fields: Record<string, unknown> = { handler, name, trigger, [input]: input === 'data' ? args[0] : args };
  Object.assign(fields, { schemaVersion, executor, tags });
  for (const policy of POLICIES) fields[`policies.${policy}`] = policies[policy];
  fields.disabled = isDisabled(definition);
  fields.paused = state.pause !== null;
  fields.nextRunTime = state.nextRunTime === null ? null : new Date(state.nextRunTime).toISOString();
  return fields;
}

/** What need not be told of a task that comes or goes. */
const USUAL: Fields = {
  args: [],
  schemaVersion: null,
  executor: 'default',
  tags: [],
  disabled: false,
  paused: false,
  nextRunTime: null,
  ...Object.fromEntries(POLICIES.map((policy) => [`policies.${policy}`, DEFAULT_POLICIES[policy]])),
};

/**
 * What is another in a task after a change, field by field; of one that came or went, what is not as usual. Runs, counters and
 * versions are not told. Pure, and never throws.
 *
 * @param before null for a task that was added.
 * @param after null for one that was removed.
 */
export function taskChanges(before: TaskRecord | null, after: TaskRecord | null): readonly JournalChange[] {
  const [old, next] = [before && fieldsOf(before), after && fieldsOf(after)];
  const values = new JournalValues();
  const changes: JournalChange[] = [];
  for (const field of new Set([...Object.keys(old ?? {}), ...Object.keys(next ?? {})])) {
    const [was, is] = [old?.[field], next?.[field]];
    const isTold = old && next ? !isSame(was, is) : !isSame(was ?? is, USUAL[field]);
    if (isTold) changes.push(values.change(field, was, is));
  }
  return changes;
}

function isSame(a: unknown, b: unknown): boolean {
  if (a === b) return true;
  if (typeof a !== 'object' || typeof b !== 'object') return false;
  try {
    return isDeepStrictEqual(a, b);
  } catch {
    return false;
  }
}
