import { UnserializableError } from '../errors/persistence.errors.js';
import type { TaskDefinition } from '../model/definition.js';
import { isJsonObject } from './json-text.js';
import type { JsonObject } from './json-text.js';
import { LastText } from './last.text.js';
import { USUAL_DEFINITION, USUAL_POLICIES, withoutUsual } from './left.out.js';
import { appendMember, readValue, valueMember, withArgs } from './payload.js';
import { asDefinition } from './record.schema.js';
import type { Serializer } from './serializer.registry.js';
import { ValueFault, inspectJson } from './value-inspection.js';

/**
 * A definition as JSON text, its arguments written by the serializer. Its trigger is plain JSON and is only checked: what
 * is stored of it has to be what the task was given.
 *
 * @param maxBytes How large it may be, in bytes. The text may be larger all the same.
 * @throws UnserializableError, LargeValueFault
 */
export function definitionText(definition: TaskDefinition, serializer: Serializer, maxBytes: number): string {
  const { args, trigger, policies, ...rest } = definition;
  try {
    const { name, ...others } = withoutUsual(rest, USUAL_DEFINITION);
    const head = JSON.stringify(name === rest.id ? others : { ...others, name });
    const text = appendMember(head, triggers.textOf(trigger));
    const ruled = policyTexts.textOf(policies);
    return appendMember(
      ruled === '' ? text : appendMember(text, ruled),
      valueMember('args', args, serializer, maxBytes),
    );
  } catch (error) {
    if (!(error instanceof ValueFault)) throw error;
    const path = definition.input === 'data' ? error.path.replace('args[0]', 'data') : error.path;
    throw new UnserializableError(definition.id, path, error.problem, error.allowed, { cause: error.cause });
  }
}

const triggers = new LastText((trigger: TaskDefinition['trigger']) => {
  inspectJson(trigger, 'trigger');
  return `"trigger":${JSON.stringify(trigger)}`;
});

/** The member for policies; empty for the usual ones. */
const policyTexts = new LastText((policies: TaskDefinition['policies']) => {
  const text = JSON.stringify(withoutUsual(policies, USUAL_POLICIES));
  return text === '{}' ? '' : `"policies":${text}`;
});

/**
 * Reads what {@link definitionText} wrote.
 *
 * @throws UnreadableFault
 */
export function readDefinition(payload: JsonObject, serializer: Serializer): TaskDefinition {
  const { id, policies } = payload;
  const whole = { name: id, ...USUAL_DEFINITION, ...payload, policies: wholePolicies(policies) };
  return asDefinition(withArgs(whole, readValue('args', payload, serializer)));
}

/** What is no object stays what it is, for the check. */
function wholePolicies(policies: unknown): unknown {
  if (policies === undefined) return USUAL_POLICIES;
  return isJsonObject(policies) ? { ...USUAL_POLICIES, ...policies } : policies;
}
