import { isDeepStrictEqual } from 'node:util';
import type { Change } from '../../model/change.js';
import type { TaskRecord } from '../../model/task.js';
import type { Settled } from './dedupe.plan.js';
import { updateTask } from './update.plan.js';

/** What is known of a task that is to be as it is given. */
interface Given {
  /** Whether its trigger is the one that is stored. */
  readonly isSameTrigger: boolean;
  /** Whether the time of its next run was given. */
  readonly hasOwnTime: boolean;
}

/**
 * Makes a task what it is given as. The schedule goes on if the trigger is the same; pause, runs and counters stay.
 *
 * @param fresh The task as it would be added.
 * @returns null when it is so already.
 */
export function upsertTask(
  old: TaskRecord,
  now: number,
  fresh: TaskRecord,
  { isSameTrigger, hasOwnTime }: Given,
): Change<Settled> | null {
  const { origin, declared } = old.definition;
  const trigger = isSameTrigger ? old.definition.trigger : fresh.definition.trigger;
  const definition = { ...fresh.definition, trigger, origin, declared };
  const isTimed = !isSameTrigger || hasOwnTime;
  if (!isTimed && isDeepStrictEqual(untraced(definition), untraced(old.definition))) return null;
  const { nextScheduledTime, nextRunTime, exhausted } = fresh.state;
  const times = isTimed ? { nextScheduledTime, nextRunTime, exhausted } : null;
  return { ...updateTask(old, now, { definition, isNewTrigger: !isSameTrigger, times }), value: 'replaced' };
}

/** A definition without what each call makes anew. */
function untraced({ trace: _trace, ...definition }: TaskRecord['definition']): object {
  return definition;
}
