import { InvalidOptionError } from '../../errors/input.errors.js';
import type { Change } from '../../model/change.js';
import type { LiveRun, RunRequest } from '../../model/run.js';
import type { TaskRecord } from '../../model/task.js';
import type { BaseTrigger } from '../../triggers/base.trigger.js';
import { withinBudget } from '../../triggers/search-budget.js';
import { changeTo } from './change.js';
import { refuseDisabled } from './disabled.plan.js';
import { controlled } from './control.plan.js';
import { waitingRun } from './waiting.run.js';

/** How many runs one backfill adds at the most: they wait inside their task's record. */
const MAX_BACKFILL = 1_000;

/** How far the clocks of a caller and of the store may be apart, in milliseconds: "until now" is no future. */
const SKEW_MS = 60_000;

/** The times to run for, in milliseconds since the epoch; both ends inclusive. */
interface BackfillRange {
  readonly from: number;
  readonly to: number;
}

/**
 * Adds a waiting run for each time of the trigger within a past range. A time that has a backfill run already is not added
 * twice. The value is the ids of the runs that were added.
 *
 * @throws InvalidTaskStateError When the code has disabled the task.
 * @throws InvalidOptionError When there are more than {@link MAX_BACKFILL}, or the range is none, or not past.
 * @throws SearchLimitError When its times take too long to find.
 */
export function backfillTask(
  task: TaskRecord,
  now: number,
  trigger: BaseTrigger,
  { from, to }: BackfillRange,
  request: RunRequest,
): Change<readonly string[]> {
  refuseDisabled(task, 'backfilled');
  if (to < from) throw new InvalidOptionError('to', new Date(to), 'a time that is not before "from"');
  if (to > now + SKEW_MS) {
    throw new InvalidOptionError('to', new Date(to), 'a time that has passed; what is to come runs by its schedule');
  }
  const range = { from, to: Math.min(to, now) };
  const runs = withinBudget(() => runsBetween(task, now, trigger, range, request));
  const state = { ...controlled(task.state, 'backfill', now, request), live: [...task.state.live, ...runs] };
  return changeTo(
    { ...task, state },
    runs.map(({ id }) => id),
  );
}

function runsBetween(
  task: TaskRecord,
  now: number,
  trigger: BaseTrigger,
  { from, to }: BackfillRange,
  request: RunRequest,
): LiveRun[] {
  const runs: LiveRun[] = [];
  const known = new Set(task.state.live.map(({ id }) => id));
  const seed = { taskId: task.id };
  let time = trigger.timeFrom(from, seed);
  while (time !== null && time <= to) {
    if (runs.length >= MAX_BACKFILL) {
      throw new InvalidOptionError('to', new Date(to), `a range of at most ${MAX_BACKFILL} runs`);
    }
    const id = `${task.id}@${new Date(time).toISOString()}#backfill`;
    if (!known.has(id)) {
      runs.push(waitingRun({ id, source: 'backfill', scheduledTime: time, availableAt: now, request }));
    }
    time = trigger.nextOccurrence(time, now, seed)?.scheduledTime ?? null;
  }
  return runs;
}
