import type { TaskDefinition } from '../../model/definition.js';
import type { TaskPolicies } from '../../model/task.policies.js';
import type { TaskRecord } from '../../model/task.js';

const NOTHING: readonly never[] = Object.freeze([]);

/** How long a text may be that is kept without a look at how large it would be elsewhere, in characters. */
const SHORT = 1_000;

/** Half of a character, or the half of one: looked at where more time is taken. */
const SURROGATE = /[\uD800-\uDFFF]/;

/** A deep copy of plain data that nobody can change. */
export function frozenCopy<T>(value: T): T {
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) return value.length === 0 ? (NOTHING as T) : (Object.freeze(value.map(frozenCopy)) as T);
  // A spread makes own properties whatever the name, so that "__proto__" stays a name; assigning to one keeps it so.
  const copy = { ...value } as Record<string, unknown>;
  for (const key in copy) {
    const child = copy[key];
    if (typeof child === 'object' && child !== null) copy[key] = frozenCopy(child);
  }
  return Object.freeze(copy) as T;
}

/**
 * A copy of a definition that nobody can change. Field by field: of a million tasks a spread would make objects that take twice
 * the room.
 *
 * @param args Frozen already.
 */
export function ownDefinition(
  definition: TaskDefinition,
  args: readonly unknown[],
  policies: TaskPolicies,
): TaskDefinition {
  return Object.freeze({
    id: definition.id,
    name: definition.name,
    handler: definition.handler,
    args,
    input: definition.input,
    schemaVersion: definition.schemaVersion,
    trigger: frozenCopy(definition.trigger),
    executor: definition.executor,
    origin: definition.origin,
    tags: frozenCopy(definition.tags),
    policies,
    declared: frozenCopy(definition.declared),
    ...(definition.throttledUntil !== undefined && { throttledUntil: definition.throttledUntil }),
    ...(definition.trace !== undefined && { trace: definition.trace }),
  });
}

/** The policies of tasks, kept once for all that have the same. */
export class SharedPolicies {
  #last: TaskPolicies | null = null;

  /** Policies with the same content that nobody can change. Most tasks in a row have the same. */
  of(policies: TaskPolicies): TaskPolicies {
    if (this.#last && isSame(this.#last, policies)) return this.#last;
    return (this.#last = frozenCopy(policies));
  }
}

function isSame(a: object, b: object): boolean {
  let count = 0;
  for (const key in b) {
    const [one, other] = [(a as Record<string, unknown>)[key], (b as Record<string, unknown>)[key]];
    count += 1;
    if (one === other) continue;
    if (typeof one !== 'object' || typeof other !== 'object' || one === null || other === null) return false;
    if (!isSame(one, other)) return false;
  }
  for (const _key in a) count -= 1;
  return count === 0;
}

/** Whether every store could keep the arguments and the trigger: a few short values, of which that is seen at a glance. */
export function isSimple({ args, trigger }: TaskDefinition): boolean {
  if (args.length > 10 || !args.every(isShort)) return false;
  for (const key in trigger) if (key === '__proto__' || !isShort(trigger[key])) return false;
  return true;
}

function isShort(value: unknown): boolean {
  if (typeof value === 'string') return value.length <= SHORT && !SURROGATE.test(value);
  return typeof value === 'boolean' || (typeof value === 'number' && Number.isFinite(value));
}

/** A task as it is given out: its arguments may be changed by whoever gets it. */
export function givenOut(task: TaskRecord): TaskRecord {
  const { args } = task.definition;
  return args.every(isImmutable) ? task : { ...task, definition: { ...task.definition, args: structuredClone(args) } };
}

function isImmutable(value: unknown): boolean {
  return typeof value !== 'object' || value === null;
}
