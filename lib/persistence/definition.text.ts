import { UnserializableError } from '../errors/persistence.errors.js';
import type { TaskDefinition } from '../model/definition.js';
import type { JsonObject } from './json-text.js';
import { LastText } from './last.text.js';
import { appendMember, readValue, valueMember, withArgs } from './payload.js';
import { asDefinition } from './record.schema.js';
import type { Serializer } from './serializer.registry.js';
import { ValueFault, inspectJson } from './value-inspection.js';

/**
 * A definition as JSON text, its arguments written by the serializer. Its trigger is plain JSON and is only checked: what
 * is stored of it has to be what the task was given.
 *
 * @throws UnserializableError
 */
export function definitionText(definition: TaskDefinition, serializer: Serializer): string {
  const { args, trigger, policies, ...rest } = definition;
  try {
    const text = appendMember(JSON.stringify(rest), triggers.textOf(trigger));
    return appendMember(appendMember(text, policyTexts.textOf(policies)), valueMember('args', args, serializer));
  } catch (error) {
    if (!(error instanceof ValueFault)) throw error;
    throw new UnserializableError(definition.id, error.path, error.problem, error.allowed, { cause: error.cause });
  }
}

const triggers = new LastText((trigger: TaskDefinition['trigger']) => {
  inspectJson(trigger, 'trigger');
  return `"trigger":${JSON.stringify(trigger)}`;
});

const policyTexts = new LastText((policies: TaskDefinition['policies']) => `"policies":${JSON.stringify(policies)}`);

/**
 * Reads what {@link definitionText} wrote.
 *
 * @throws UnreadableFault
 */
export function readDefinition(payload: JsonObject, serializer: Serializer): TaskDefinition {
  return asDefinition(withArgs(payload, readValue('args', payload, serializer)));
}
