import type { TaskRecord } from '../../model/task.js';
import type { AddTasksResult } from './adding.options.js';
import type { SettledTask } from './settle.tasks.js';

/** What a batch came to, each list in the order of the tasks. */
export function resultOf(
  tasks: readonly TaskRecord[],
  added: readonly TaskRecord[],
  replaced: ReadonlySet<string>,
  settled: ReadonlyMap<string, SettledTask>,
): AddTasksResult {
  if (added.length === tasks.length) return { added: tasks.map(({ id }) => id), replaced: [], existing: [] };
  const outcomes = new Map<string, SettledTask['outcome']>(Array.from(settled, ([id, { outcome }]) => [id, outcome]));
  for (const { id } of added) outcomes.set(id, 'added');
  for (const id of replaced) outcomes.set(id, 'replaced');
  const idsOf = (wanted: SettledTask['outcome']) =>
    tasks.flatMap(({ id }) => ((outcomes.get(id) ?? 'existing') === wanted ? [id] : []));
  return { added: idsOf('added'), replaced: idsOf('replaced'), existing: idsOf('existing') };
}

/** The results of several batches as one; null is one that there is none of. */
export function together(results: readonly (AddTasksResult | null)[]): AddTasksResult {
  const done = results.filter((result) => result !== null);
  return {
    added: done.flatMap(({ added }) => added),
    replaced: done.flatMap(({ replaced }) => replaced),
    existing: done.flatMap(({ existing }) => existing),
  };
}
