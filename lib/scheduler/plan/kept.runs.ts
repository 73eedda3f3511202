import type { TaskDefinition } from '../../model/definition.js';
import type { RunRecord } from '../../model/run.js';

/**
 * Whether the history keeps an ended attempt of a task: as its policy says; and always one that is dead, since it can be
 * redriven, and one that somebody has asked for, since somebody may wait for it on another node.
 */
export function isKept({ status, dead, request }: RunRecord, { policies }: Pick<TaskDefinition, 'policies'>): boolean {
  const { history } = policies;
  return history === 'all' || dead || request !== null || (history === 'failures' && status !== 'succeeded');
}

/** Those of the ended attempts of a task that the history keeps: the one place where what is not to be kept is left out. */
export function keptRuns(
  records: readonly RunRecord[],
  definition: Pick<TaskDefinition, 'policies'>,
): readonly RunRecord[] {
  return definition.policies.history === 'all' ? records : records.filter((record) => isKept(record, definition));
}
