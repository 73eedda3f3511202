import type { LiveRun, StoredStep } from './run.js';

/** How long the name of a step may be, in characters. */
export const MAX_STEP_NAME = 200;

/** How long a run may sleep, in milliseconds: ten years. */
export const MAX_SLEEP_MS = 3_653 * 86_400_000;

/** How long a run that is snoozed sleeps at the least, in milliseconds: nothing else bounds how often it is. */
export const MIN_SNOOZE_MS = 1_000;

/** How many steps of one run may be kept. */
export const MAX_STEPS = 500;

/** How large the result of one step may be, in bytes as it is stored. */
export const MAX_STEP_BYTES = 65_536;

/** How large all that is kept of the steps of one run may be, in bytes as it is stored. */
export const MAX_RUN_STEP_BYTES = 262_144;

/**
 * How large all that is kept of the steps of all runs of a task may be, in bytes. They stand in the state of the task, of which
 * any scheduler reads a mebibyte at the least; encryption adds a third to them.
 */
const MAX_TASK_STEP_BYTES = 524_288;

/** The same where less is read of a record than that. @param maxRecordBytes The largest state that is read, in bytes. */
export function maxTaskStepBytes(maxRecordBytes: number): number {
  return Math.min(MAX_TASK_STEP_BYTES, Math.floor(maxRecordBytes / 2));
}

/** How many bytes a step takes in the text of a state. */
export function sizeOfStep(step: StoredStep): number {
  return Buffer.byteLength(JSON.stringify(step));
}

/** How many bytes the steps of a run take. */
export function sizeOfSteps({ steps = [] }: Pick<LiveRun, 'steps'>): number {
  let bytes = 0;
  for (const step of steps) bytes += sizeOfStep(step);
  return bytes;
}
