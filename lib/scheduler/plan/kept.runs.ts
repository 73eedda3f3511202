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

/** An ended attempt of a task as the history keeps it: without its result where that is not to be kept; null for one that is not. */
export function keptRun(record: RunRecord, definition: Pick<TaskDefinition, 'policies'>): RunRecord | null {
  if (!isKept(record, definition)) return null;
  const isWhole = definition.policies.keepResult || record.result === undefined;
  return isWhole ? record : { ...record, result: undefined };
}

/** The ended attempts of a task as the history keeps them: the one place where what is not to be kept is left out. */
export function keptRuns(
  records: readonly RunRecord[],
  definition: Pick<TaskDefinition, 'policies'>,
): readonly RunRecord[] {
  const { history, keepResult } = definition.policies;
  if (history === 'all' && keepResult) return records;
  return records.map((record) => keptRun(record, definition)).filter((record) => record !== null);
}
