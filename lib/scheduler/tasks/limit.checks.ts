import { InvalidOptionError } from '../../errors/input.errors.js';
import type { TaskDefinition } from '../../model/definition.js';

/**
 * Refuses limits that say something about what the task does not have. It depends on several options together, which come from
 * a task, from a change of it, and from defaults.
 *
 * @returns The definition.
 * @throws InvalidOptionError
 */
export function checkLimits(definition: TaskDefinition): TaskDefinition {
  const { group, rateLimit } = definition.policies;
  if (rateLimit?.of === 'group' && group === null) {
    throw new InvalidOptionError('rateLimit.of', 'group', '"handler", or a task with a "group"');
  }
  return definition;
}
