import type { KnownChange } from '../../model/change.js';
import type { TaskRecord } from '../../model/task.js';
import type { Store } from '../../stores/store.interface.js';
import { endRuns } from '../plan/end.plan.js';
import type { EndOutcome, RunEnd } from '../plan/end.plan.js';
import { groupByTask } from './by.task.js';
import type { KnownRecords } from './held.tasks.js';

/** What became of an end. */
export interface EndAnswer {
  /**
   * `paused` where the failure paused the task, too; `refused` where the lease was lost; `kept` where the task is gone, and only
   * the history has the run.
   */
  readonly outcome: EndOutcome | 'kept';
  /** The task as it now is; null when it is gone, or where the end was refused. */
  readonly task: TaskRecord | null;
}

type EndStore = Pick<Store, 'transact' | 'exchange'>;

/**
 * Ends runs, all of a task in one change. The holder of a run knows its task, so most ends are written without reading. What
 * somebody else has changed meanwhile is read and decided on again.
 *
 * @param now The store's clock as this process knows it, in milliseconds since the epoch.
 * @returns The answers. An end without one could not be written, and may be given again.
 */
export async function endRunsIn(
  store: EndStore,
  ends: readonly RunEnd[],
  known: KnownRecords,
  now: number,
): Promise<ReadonlyMap<RunEnd, EndAnswer>> {
  const answers = new Map<RunEnd, EndAnswer>();
  const rest = groupByTask(ends);
  const changes: (KnownChange & { readonly value: readonly EndOutcome[] })[] = [];
  for (const [id, mine] of rest) {
    const task = known.of(id);
    const change = task && endRuns(mine)(task.record, now, []);
    // Where an end does not fit what is known, what is known may be old.
    if (task && change && !change.value.includes('refused')) changes.push({ ...change, from: task.stand });
  }
  const answer = (id: string, task: TaskRecord | null, outcomes: readonly EndOutcome[]) => {
    if (task) known.note(task);
    for (const [at, end] of rest.get(id)!.entries()) {
      const outcome = outcomes[at]!;
      answers.set(end, { outcome, task: outcome === 'refused' ? null : task });
    }
    rest.delete(id);
  };
  if (changes.length > 0) {
    const { lost, failed } = (await store.exchange({ write: changes })).written;
    const unwritten = new Set([...lost, ...failed.map(({ id }) => id)]);
    for (const { from, task, value } of changes) {
      if (!unwritten.has(from.id)) answer(from.id, task && { ...task, version: from.version + 1 }, value);
    }
    for (const { id } of failed) rest.delete(id);
  }
  if (rest.size > 0) {
    const ids = [...rest.keys()];
    const { committed, failed } = await store.transact<readonly EndOutcome[]>({ ids }, (task, storeNow, decided) =>
      endRuns(rest.get(task.id)!)(known.adopted(task), storeNow, decided),
    );
    for (const { id, task, value } of committed) answer(id, task, value);
    for (const { id } of failed) rest.delete(id);
    for (const mine of rest.values()) for (const end of mine) answers.set(end, { outcome: 'refused', task: null });
  }
  return answers;
}
