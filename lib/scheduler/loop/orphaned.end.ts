import { isUnreadable } from '../../model/task.js';
import type { Store } from '../../stores/store.interface.js';
import { keepForRedrive } from '../plan/ended.run.js';
import { keptRuns } from '../plan/kept.runs.js';
import type { RunEnd } from '../plan/end.plan.js';
import type { KnownRecords } from './held.tasks.js';
import { lastAttempts } from './last.attempts.js';

/**
 * Keeps the end of a run whose task was deleted meanwhile, or is another one of the same id: nobody else will ever say that
 * the run has been. What another scheduler has recorded of the run, as lost or as a later attempt, stands alone.
 *
 * @returns Whether nobody else has recorded the run, so that it counts. A store that fails is no reason to keep the run: its task is
 * gone.
 */
export async function keepOrphanedEnd(
  store: Pick<Store, 'lookupTask' | 'runs' | 'saveRuns'>,
  { record, taskId, runId, token, retryAt }: RunEnd,
  known: KnownRecords,
): Promise<boolean> {
  if (!record) return false;
  const task = await store.lookupTask(taskId);
  if (task !== null && (isUnreadable(task) || task.state.createdAt <= (record.startedAt ?? record.endedAt)))
    return false;
  const attempts = await lastAttempts(store, runId);
  // Tokens only grow, and who takes a run over may have recorded nothing but its own attempt.
  if (attempts.some((attempt) => attempt.token >= token)) return false;
  // No attempt follows, whatever was planned.
  const last = { ...record, dead: record.dead || retryAt !== null };
  const of = known.of(taskId)?.record;
  const steps = of?.state.live.find(({ id }) => id === runId)?.steps;
  const kept = of ? keptRuns([keepForRedrive(last, of.definition, steps)], of.definition) : [last];
  if (kept.length > 0) await store.saveRuns(kept);
  return true;
}
