import type { Change } from '../../model/change.js';
import type { Declaration, DECLARED_FIELDS, TaskDefinition } from '../../model/definition.js';
import type { TaskPolicies } from '../../model/task.policies.js';
import type { TaskRecord } from '../../model/task.js';
import type { BaseTrigger } from '../../triggers/base.trigger.js';
import { nextTimes } from './change.js';

/**
 * Brings a declared task to what the code declares now. Only what the code has changed since the last deploy is changed;
 * what an operator made of the rest stays.
 *
 * @param wanted The task as the code declares it, as if it were new.
 * @param trigger The trigger of `wanted`.
 * @returns null when the code declares it as before.
 */
export function reconcileTask(
  task: TaskRecord,
  now: number,
  wanted: TaskRecord,
  trigger: BaseTrigger,
): Change<null> | null {
  const before = task.definition.declared;
  const after = wanted.definition.declared!;
  const triggerChanged = before?.trigger !== after.trigger;
  const options = changedOptions(before, after);
  if (!triggerChanged && options.length === 0) return null;
  const definition = {
    ...withOptions(task.definition, wanted.definition, options),
    // What was added at run time is the code's from now on.
    origin: wanted.definition.origin,
    trigger: triggerChanged ? wanted.definition.trigger : task.definition.trigger,
    declared: after,
  };
  const state = {
    ...task.state,
    updatedAt: now,
    ...(triggerChanged && {
      ...timesAfter(task, wanted, trigger),
      scheduledCount: 0,
      lastScheduledTime: null,
      problem: null,
    }),
  };
  return { task: { ...task, definition, state }, history: [], value: null };
}

/** The options that the code declares in another way than before; all of them of a task that it did not declare. */
function changedOptions(before: Declaration | null, after: Declaration): string[] {
  return Object.keys(after.options).filter((option) => before?.options[option] !== after.options[option]);
}

/** A definition with some of its options as the code wants them. */
function withOptions(stored: TaskDefinition, wanted: TaskDefinition, options: readonly string[]): TaskDefinition {
  const fields: Record<string, unknown> = {};
  const policies: Record<string, unknown> = {};
  for (const option of options) {
    const isPolicy = option in wanted.policies;
    if (isPolicy) policies[option] = wanted.policies[option as keyof TaskPolicies];
    else fields[option] = wanted[option as (typeof DECLARED_FIELDS)[number]];
  }
  return { ...stored, ...fields, policies: { ...stored.policies, ...policies } };
}

/** A time that the old trigger had reached at the moment of the deploy is not for the new one to run again. */
function timesAfter({ id, state }: TaskRecord, wanted: TaskRecord, trigger: BaseTrigger) {
  const { nextScheduledTime, nextRunTime, exhausted } = wanted.state;
  const { lastScheduledTime: last } = state;
  const isPast = last !== null && nextScheduledTime !== null && nextScheduledTime <= last;
  return isPast
    ? nextTimes(trigger.nextOccurrence(null, last + 1, { taskId: id }))
    : { nextScheduledTime, nextRunTime, exhausted };
}

/** Pauses or deletes a task that the code no longer declares; null when it is paused already. */
export function disposeOrphan(task: TaskRecord, now: number, policy: 'pause' | 'remove'): Change<null> | null {
  if (policy === 'remove') return { task: null, history: [], value: null };
  if (task.state.pause !== null) return null;
  const pause = { at: now, actor: null, reason: 'the code no longer declares it' };
  return { task: { ...task, state: { ...task.state, updatedAt: now, pause } }, history: [], value: null };
}
