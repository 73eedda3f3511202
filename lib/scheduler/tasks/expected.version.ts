import { VersionConflictError } from '../../errors/task.errors.js';
import type { Apply } from '../../model/change.js';
import { checkCount } from './call.options.js';

/**
 * A plan for one version of a task; it throws a VersionConflictError for any other.
 *
 * @throws InvalidOptionError
 */
export function atVersion<T>(expected: number, plan: Apply<T>): Apply<T> {
  checkCount('expectedVersion', expected, 1, Number.MAX_SAFE_INTEGER);
  return (task, now, decided) => {
    if (task.version !== expected) throw new VersionConflictError(task.id, expected, task.version);
    return plan(task, now, decided);
  };
}
