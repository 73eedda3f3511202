import { InvalidOptionError } from '../errors/input.errors.js';
import type { LiveRun } from '../model/run.js';
import type { TaskRecord } from '../model/task.js';
import type { BaseTrigger } from '../triggers/base.trigger.js';
import { extraRun } from './extra-run.js';

/** How many runs one backfill adds at the most: they wait inside their task's record. */
export const MAX_BACKFILL = 1_000;

/**
 * The task with a waiting run for each time of its trigger within a past range. A time that is already being made up for
 * is not added twice.
 *
 * @param from Milliseconds since the epoch, inclusive; so is `to`.
 * @throws InvalidOptionError When there are more than {@link MAX_BACKFILL}, or the range is none.
 */
export function backfill(task: TaskRecord, trigger: BaseTrigger, from: number, to: number, now: number) {
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
      runs.push({ ...extraRun(task, 'backfill', now), id, scheduledTime: time });
    }
    time = trigger.nextOccurrence(time, now, seed)?.scheduledTime ?? null;
  }
  return { ...task, state: { ...task.state, updatedAt: now, live: [...task.state.live, ...runs] }, added: runs };
}
