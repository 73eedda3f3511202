import { hash as digest } from 'node:crypto';
import { DECLARED_FIELDS, DECLARED_INPUT, inputOf } from '../../model/definition.js';
import type { Declaration, TaskDefinition, TriggerData } from '../../model/definition.js';
import { POLICY_NAMES } from '../../model/task.policies.js';

/** How many characters of a hash tell one value of an option from the one before. */
const LENGTH = 16;

/**
 * Fingerprints of what the code declares: the same on every replica that runs the same code with the same settings, and at
 * every start.
 *
 * @param definition As it is resolved: with the defaults of the scheduler.
 * @param trigger The trigger in the same way, with nothing in it that depends on the moment.
 * @param paused Whether it is declared as paused.
 */
export function declarationOf(definition: TaskDefinition, trigger: TriggerData, paused: boolean): Declaration {
  const options: Record<string, string> = {};
  for (const field of DECLARED_FIELDS) options[field] = fingerprint(definition[field]);
  options[DECLARED_INPUT] = fingerprint(inputOf(definition));
  for (const policy of POLICY_NAMES) options[policy] = fingerprint(definition.policies[policy]);
  return { trigger: fingerprint(trigger), options, paused, disabled: false };
}

/** The fingerprints of short texts, such as "default" and null: nearly all of a task's are of a few. */
const known = new Map<string, string>();

/** How long such a text is at the most, and how many are remembered: a bound on memory. */
const SHORT = 200;
const MOST_KNOWN = 1_000;

function fingerprint(value: unknown): string {
  const text = JSON.stringify(canonical(value)) ?? '';
  if (text.length > SHORT) return hash(text);
  let print = known.get(text);
  if (print === undefined) {
    if (known.size >= MOST_KNOWN) known.clear();
    print = hash(text);
    known.set(text, print);
  }
  return print;
}

/** A fingerprint of anything that is stored. */
export function fingerprintOf(value: unknown): string {
  return hash(JSON.stringify(canonical(value)) ?? '');
}

function hash(text: string): string {
  return digest('sha256', text, 'base64url').slice(0, LENGTH);
}

/** In a form that JSON keeps apart, and that does not depend on the order in which fields were set. */
function canonical(value: unknown): unknown {
  if (typeof value === 'bigint') return ['bigint', String(value)];
  if (Array.isArray(value)) return value.map(canonical);
  if (typeof value !== 'object' || value === null || value instanceof Date) return value;
  if (value instanceof Map) return ['map', ...Array.from(value, canonical)];
  if (value instanceof Set) return ['set', ...Array.from(value, canonical)];
  return Object.fromEntries(
    Object.entries(value)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, inner]) => [key, canonical(inner)]),
  );
}
