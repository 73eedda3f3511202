import { messageOf } from '../../errors/thrown.js';
import type { LeaseRef } from '../../model/run.js';
import { isUnreadable } from '../../model/task.js';
import type { Store } from '../../stores/store.interface.js';
import { lastAttempts } from './last.attempts.js';

/** Why the store has refused what a run ended with, in words, as far as it can be found out afterwards. */
export async function whyRefused(
  store: Pick<Store, 'lookupTask' | 'runs'>,
  { taskId, runId, token }: LeaseRef,
): Promise<string> {
  try {
    const task = await store.lookupTask(taskId);
    if (task === null) return 'its task is gone';
    if (isUnreadable(task)) return 'the record of its task cannot be read';
    const run = task.state.live.find(({ id }) => id === runId);
    if (run?.status === 'running') return `the scheduler "${run.owner}" has taken it over, as attempt ${run.attempt}`;
    if (run) return `its lease was over, and it waits for attempt ${run.attempt}`;
    const attempts = await lastAttempts(store, runId);
    const record = attempts.find((one) => one.token === token) ?? attempts[0];
    return record ? `it is recorded as ${record.status} already` : 'its task is not the one of before any more';
  } catch (error) {
    return `another scheduler has it, or its task is gone (${messageOf(error)})`;
  }
}
