import { InvalidOptionError } from '../../errors/input.errors.js';
import type { LiveRun, RunRequest } from '../../model/run.js';
import type { TaskRecord } from '../../model/task.js';
import type { BaseTrigger } from '../../triggers/base.trigger.js';
import { controlled } from './control.plan.js';
import { extraRun } from './extra-run.js';

/** How many runs one backfill adds at the most: they wait inside their task's record. */
export const MAX_BACKFILL = 1_000;

/** What is to be made up for. Times are milliseconds since the epoch, `from` and `to` inclusive. */
export interface BackfillRange {
  readonly from: number;
  readonly to: number;
  readonly now: number;
  readonly request: RunRequest;
}

/**
 * The task with a waiting run for each time of its trigger within a past range. A time that is already being made up for
 * is not added twice.
 *
 * @throws InvalidOptionError When there are more than {@link MAX_BACKFILL}, or the range is none.
 */
export function backfill(task: TaskRecord, trigger: BaseTrigger, { from, to, now, request }: BackfillRange) {
  if (to < from) throw new InvalidOptionError('to', new Date(to), 'a time that is not before "from"');
  const runs: LiveRun[] = [];
  const seed = { taskId: task.id };
  let time = trigger.timeFrom(from, seed);
  while (time !== null && time <= to) {
    if (runs.length >= MAX_BACKFILL) {
      throw new InvalidOptionError('to', new Date(to), `a range of at most ${MAX_BACKFILL} runs`);
    }
    const id = `${task.id}@${new Date(time).toISOString()}#backfill`;
    if (!task.state.live.some((live) => live.id === id)) {
      runs.push({ ...extraRun(task, 'backfill', now, request), id, scheduledTime: time });
    }
    time = trigger.nextOccurrence(time, now, seed)?.scheduledTime ?? null;
  }
  const state = controlled(task.state, 'backfill', now, request);
  return { ...task, state: { ...state, live: [...state.live, ...runs] }, added: runs };
}
