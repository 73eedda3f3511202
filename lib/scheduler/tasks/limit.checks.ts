import { InvalidOptionError } from '../../errors/input.errors.js';
import type { TaskDefinition } from '../../model/definition.js';
import { isKeyPath, keyValueOf, LONGEST_KEY } from '../../model/limit.key.js';

/**
 * Refuses limits that say something about what the task does not have. It depends on several options together, which come from
 * a task, from a change of it, and from defaults.
 *
 * @returns The definition.
 * @throws InvalidOptionError
 */
export function checkLimits(definition: TaskDefinition): TaskDefinition {
  const { group, rateLimit, limitKey, keyLimit } = definition.policies;
  if (rateLimit?.of === 'group' && group === null) {
    throw new InvalidOptionError('rateLimit.of', 'group', '"handler", or a task with a "group"');
  }
  if (rateLimit?.of === 'key' && limitKey === null) {
    throw new InvalidOptionError('rateLimit.of', 'key', '"handler" or "group", or a task with a "limitKey"');
  }
  if (keyLimit !== null && limitKey === null) {
    throw new InvalidOptionError('keyLimit', keyLimit, 'null, or a task with a "limitKey"');
  }
  if (limitKey !== null && !isKeyPath(limitKey)) {
    throw new InvalidOptionError('limitKey', limitKey, 'a path that begins with "data." or "args.", or null');
  }
  if (limitKey !== null && keyValueOf(definition) === null) {
    const allowed = `a path to a text of 1 to ${LONGEST_KEY} characters, a number or a boolean in the arguments of the task`;
    throw new InvalidOptionError('limitKey', limitKey, allowed);
  }
  return definition;
}
