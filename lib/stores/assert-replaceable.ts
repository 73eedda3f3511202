import { TaskNotFoundError, TaskUnreadableError, VersionConflictError } from '../errors/task.errors.js';
import { isUnreadable } from '../model/task.js';
import type { StoredTask, TaskRecord } from '../model/task.js';

/**
 * Makes sure that `Store.updateTask` may replace what is stored.
 *
 * @param stored What is stored under the id; null for nothing.
 * @throws TaskNotFoundError When nothing is stored.
 * @throws TaskUnreadableError When the record cannot be read.
 * @throws VersionConflictError When it has another version.
 */
export function assertReplaceable(
  id: string,
  stored: StoredTask | null,
  expectedVersion: number,
): asserts stored is TaskRecord {
  if (stored === null) throw new TaskNotFoundError(id, 'the store');
  if (isUnreadable(stored)) throw new TaskUnreadableError(id, stored.unreadable, stored.message);
  if (stored.version !== expectedVersion) throw new VersionConflictError(id, expectedVersion, stored.version);
}
