import { initialState } from '../model/task.defaults.js';
import { DEFAULT_POLICIES } from '../model/task.policies.js';

/**
 * What texts of the format leave out, since most records have it: half of a text was this, and of the time that it took. A
 * release whose tasks begin with something else needs another version of the format, for which `UPGRADES` fill in what these say.
 */
export const USUAL_POLICIES = Object.freeze({ ...DEFAULT_POLICIES });

/** The same of a definition, beside the name of a task that is called as its id says. */
export const USUAL_DEFINITION = Object.freeze({
  input: 'args',
  schemaVersion: null,
  executor: 'default',
  origin: 'runtime',
  tags: Object.freeze([]),
  declared: null,
});

const { createdAt: _createdAt, updatedAt: _updatedAt, ...usualState } = initialState(0);

/** The same of a state. */
export const USUAL_STATE = Object.freeze({ ...usualState, live: Object.freeze([]) });

/** The members that are not as usual, and all that the table does not know. */
export function withoutUsual(value: object, usual: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const rest: Record<string, unknown> = {};
  for (const [name, member] of Object.entries(value)) if (!isSame(member, usual[name])) rest[name] = member;
  return rest;
}

function isSame(a: unknown, b: unknown): boolean {
  return a === b || (Array.isArray(a) && a.length === 0 && Array.isArray(b) && b.length === 0);
}
