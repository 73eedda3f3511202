import type { RunRecord } from '../../model/run.js';
import type { LastRun } from '../../model/task.js';
import type { Store } from '../../stores/store.interface.js';

/** How many attempts of a run are looked through. */
const LAST_ATTEMPTS = 20;

/** What the history has of a run: its last attempts, the latest first. */
export async function lastAttempts(store: Pick<Store, 'runs'>, runId: string): Promise<readonly RunRecord[]> {
  return (await store.runs({ runId }, { limit: LAST_ATTEMPTS })).runs;
}

/** What the attempt came to that a task has ended last; undefined where the history does not have it. */
export async function resultOf(
  { id: runId, endedAt: from, status }: LastRun,
  store: Pick<Store, 'runs'>,
): Promise<unknown> {
  const { runs } = await store.runs({ runId, status, from, to: from + 1 }, { limit: 1 });
  return runs[0]?.result;
}
