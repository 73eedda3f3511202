import type { Change } from '../../model/change.js';
import type { TaskRecord } from '../../model/task.js';

/**
 * Replaces a task by another one of the same id. Its runs under way stay: they end under their tokens, and new ones get
 * larger ones.
 */
export function replaceTask(old: TaskRecord, replacement: TaskRecord): Change<null> {
  const { createdAt, live, lastToken, lease } = old.state;
  const task = { ...replacement, state: { ...replacement.state, createdAt, live, lastToken, lease } };
  return { task, history: [], value: null };
}
