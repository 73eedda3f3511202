import { describeThrown, messageOf } from '../../errors/thrown.js';
import { backoffMs } from '../../model/backoff.js';
import type { TaskState } from '../../model/task.js';

const PAUSE = { firstMs: 5_000, longestMs: 300_000 };

/**
 * Keeps a faulty task out of the way and tries it again later: after 5 s, 10 s, 20 s … at most 5 min. Its scheduled time
 * stays, so that nothing is forgotten when the fault is mended.
 */
export function postpone(state: TaskState, error: unknown, now: number): TaskState {
  const count = (state.problem?.count ?? 0) + 1;
  const again = now + backoffMs(PAUSE, count);
  return {
    ...state,
    nextRunTime: state.nextRunTime !== null && state.nextRunTime <= now ? again : state.nextRunTime,
    // What waits for its turn is due too, and would be tried at once otherwise.
    live: state.live.map((run) =>
      run.status === 'waiting' && run.availableAt <= now ? { ...run, availableAt: again } : run,
    ),
    problem: {
      code: describeThrown(error).code ?? 'ASYNCZ_TASK_FAULT',
      message: messageOf(error),
      at: now,
      count,
    },
  };
}
