import { InvalidTaskStateError } from '../../errors/scheduler.errors.js';
import { isDisabled } from '../../model/definition.js';
import type { TaskRecord } from '../../model/task.js';

/**
 * What a person asks for would wait until the code enables the task again, and run then, when nobody expects it.
 *
 * @throws InvalidTaskStateError When the code has disabled the task.
 */
export function refuseDisabled({ id, definition }: TaskRecord, operation: string): void {
  if (!isDisabled(definition)) return;
  throw new InvalidTaskStateError(id, operation, 'the code has disabled it. Enable it there.');
}
