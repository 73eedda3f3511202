import { show } from '../errors/asyncz.error.js';
import { isErrorOf } from '../errors/foreign.js';
import { takePromise } from '../errors/returned.js';
import { messageOf } from '../errors/thrown.js';
import type { JsonObject } from './json-text.js';
import type { Serializer } from './serializer.registry.js';
import { JsonSerializer } from './json.serializer.js';
import { UnreadableFault } from './unreadable.fault.js';
import { ALLOWED_VALUES, LargeValueFault, ValueFault, inspectValue } from './value-inspection.js';

/** Under which name a payload has its values when the serializer wrote them. */
const SERIALIZED = 'serialized';

/**
 * The member of a payload that holds a task's arguments or a run's result, as JSON text. Plain JSON stands there under
 * its own name, for people who read the store; everything else is the serializer's text.
 *
 * @param name `args` or `result`.
 * @param maxBytes Where what is written may not be longer, in bytes. The text may be longer all the same.
 * @throws ValueFault
 * @throws LargeValueFault When it is found before it is written that the text would be longer.
 */
export function valueMember(name: string, value: unknown, serializer: Serializer, maxBytes = Infinity): string {
  try {
    const asJson = serializer instanceof JsonSerializer && inspectValue(value, maxBytes) === 'json';
    if (asJson) return `"${name}":${JSON.stringify(value)}`;
    const text: unknown = serializer.serialize(value);
    if (typeof text !== 'string') {
      takePromise(text);
      throw new TypeError(`it gave ${show(text)} instead of text`);
    }
    return `"${SERIALIZED}":${JSON.stringify(text)}`;
  } catch (error) {
    if (isErrorOf(error, LargeValueFault)) throw error;
    if (isErrorOf(error, ValueFault)) throw new ValueFault(`${name}${error.path}`, error.problem, error.allowed);
    const reason = messageOf(error);
    const problem = `what the serializer ${show(serializer.name)} does not write (${reason})`;
    const allowed = serializer instanceof JsonSerializer ? ALLOWED_VALUES : 'what that serializer writes';
    throw new ValueFault(name, problem, allowed, { cause: error });
  }
}

/** The arguments in place of the text that they were read from. */
export function withArgs(definition: JsonObject, args: unknown): JsonObject {
  if (definition.args === args) return definition;
  const { [SERIALIZED]: _, ...rest } = definition;
  return { ...rest, args };
}

/**
 * Reads what {@link valueMember} wrote: undefined when there is neither member.
 *
 * @throws UnreadableFault
 */
export function readValue(name: string, payload: JsonObject, serializer: Serializer): unknown {
  const text = payload[SERIALIZED];
  if (text === undefined) return payload[name];
  if (typeof text !== 'string') throw new UnreadableFault('damaged', `The field ${SERIALIZED} is not text.`);
  try {
    const value = serializer.deserialize(text);
    if (!takePromise(value)) return value;
  } catch {
    throw new UnreadableFault('damaged', `The serializer ${show(serializer.name)} cannot read the ${name}.`);
  }
  throw new UnreadableFault('damaged', `The serializer ${show(serializer.name)} gives a promise of the ${name}.`);
}

/** Adds a member to the JSON text of an object that has one already. */
export function appendMember(json: string, member: string): string {
  return `${json.slice(0, -1)},${member}}`;
}
