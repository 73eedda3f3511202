import type { Change } from '../../model/change.js';
import { DECLARED_INPUT, inputOf, isDisabled } from '../../model/definition.js';
import type { Declaration, DECLARED_FIELDS, TaskDefinition } from '../../model/definition.js';
import type { TaskPolicies } from '../../model/task.policies.js';
import type { Pause, TaskRecord, TaskState } from '../../model/task.js';
import type { BaseTrigger } from '../../triggers/base.trigger.js';
import { nextTimes } from './change.js';
import { timesAfterHold } from './pause.plan.js';
import { linkedIds, withoutRenaming } from './rename.plan.js';

/** What a deploy did to a task. */
export type Reconciled = 'modified' | 'disabled' | 'enabled' | 'paused' | 'resumed';

type ReconcileChange = Change<readonly Reconciled[]>;

/** The pause of a task that the code declares as paused. */
export function declaredPause(now: number): Pause {
  return { at: now, actor: null, reason: 'the code declares it as paused', byCode: true };
}

/**
 * Brings a declared task to what the code declares now. Only what the code has changed since the last deploy is changed;
 * what an operator made of the rest stays, and so does an operator's pause.
 *
 * @param stored The task as it is in the store.
 * @param wanted The task as the code declares it, as if it were new.
 * @param triggerOf The trigger of a task.
 * @returns null when the code declares it as before.
 */
export function reconcileTask(
  stored: TaskRecord,
  now: number,
  wanted: TaskRecord,
  triggerOf: (task: TaskRecord) => BaseTrigger,
): ReconcileChange | null {
  // What declares it under its id takes it out of a rename.
  const task = withoutRenaming(stored);
  const before = task.definition.declared;
  const after = linked(before, wanted);
  const triggerChanged = before?.trigger !== after.trigger;
  const options = changedOptions(before, after);
  const pause = pauseAfter(task, after, now);
  const wasDisabled = isDisabled(task.definition);
  const isModified = triggerChanged || options.length > 0;
  const isSame = pause === task.state.pause && before?.paused === after.paused && isLinkedAs(before, after);
  if (!isModified && !wasDisabled && isSame && task === stored) return null;
  const next: TaskRecord = {
    ...task,
    definition: {
      ...withOptions(task.definition, wanted.definition, options),
      // What was added at run time is the code's from now on.
      origin: wanted.definition.origin,
      trigger: triggerChanged ? wanted.definition.trigger : task.definition.trigger,
      declared: after,
    },
    state: { ...task.state, updatedAt: now, pause },
  };
  const isResumed = pause === null && task.state.pause !== null;
  const times = triggerChanged
    ? newSchedule(task, wanted, triggerOf(wanted))
    : (wasDisabled || isResumed) && timesAfterHold(task, now, triggerOf(next));
  const value: Reconciled[] = [
    ...(isModified ? (['modified'] as const) : []),
    ...(wasDisabled ? (['enabled'] as const) : []),
    ...(isResumed ? (['resumed'] as const) : []),
    ...(pause !== null && task.state.pause === null ? (['paused'] as const) : []),
  ];
  return { task: { ...next, state: { ...next.state, ...times } }, value };
}

/**
 * Holds a task that the code declares as disabled. It keeps its next run time, its pause and its waiting runs; a run under way
 * goes on. One that was added at run time is not the code's.
 *
 * @returns null when it is held already.
 */
export function disableTask(task: TaskRecord, now: number): ReconcileChange | null {
  const { declared } = task.definition;
  if (declared === null || declared.disabled) return null;
  const definition = { ...task.definition, declared: { ...declared, disabled: true } };
  return { task: { ...task, definition, state: { ...task.state, updatedAt: now } }, value: ['disabled'] };
}

/** What the code declares, with the ids that the task had before: those stay, so that its history is found. */
function linked(before: Declaration | null, { id, definition }: TaskRecord): Declaration {
  const after = definition.declared!;
  const previousIds = linkedIds([...(after.previousIds ?? []), ...(before?.previousIds ?? [])], id);
  return previousIds.length > 0 ? { ...after, previousIds } : after;
}

function isLinkedAs(before: Declaration | null, { previousIds = [] }: Declaration): boolean {
  const known = new Set(before?.previousIds);
  return previousIds.every((id) => known.has(id));
}

/** The options that the code declares in another way than before; all of them of a task that it did not declare. */
export function changedOptions(before: Declaration | null, after: Declaration): string[] {
  return Object.keys(after.options).filter((option) => before?.options[option] !== after.options[option]);
}

/** A definition with some of its options as the code wants them. */
function withOptions(stored: TaskDefinition, wanted: TaskDefinition, options: readonly string[]): TaskDefinition {
  const fields: Record<string, unknown> = {};
  const policies: Record<string, unknown> = {};
  for (const option of options) {
    const isPolicy = option in wanted.policies;
    if (option === DECLARED_INPUT) Object.assign(fields, inputOf(wanted));
    else if (isPolicy) policies[option] = wanted.policies[option as keyof TaskPolicies];
    else fields[option] = wanted[option as (typeof DECLARED_FIELDS)[number]];
  }
  return { ...stored, ...fields, policies: { ...stored.policies, ...policies } };
}

/**
 * The code's own pause ends when it declares the task as not paused, and begins when it has changed that to paused: who has
 * resumed such a task by hand is not overruled by the next deploy.
 */
function pauseAfter({ definition, state }: TaskRecord, after: Declaration, now: number): Pause | null {
  const { pause } = state;
  if (!after.paused) return pause?.byCode ? null : pause;
  const isNew = definition.declared?.paused === false;
  return pause ?? (isNew ? declaredPause(now) : null);
}

function newSchedule(task: TaskRecord, wanted: TaskRecord, trigger: BaseTrigger): Partial<TaskState> {
  return { ...timesAfter(task, wanted, trigger), scheduledCount: 0, lastScheduledTime: null, problem: null };
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

/**
 * Pauses or deletes a task that the code no longer declares; null when it is paused already. The pause ends when the code
 * declares the task again.
 */
export function disposeOrphan(task: TaskRecord, now: number, policy: 'pause' | 'remove'): ReconcileChange | null {
  if (policy === 'remove') return { task: null, value: [] };
  if (task.state.pause !== null) return null;
  const pause: Pause = { at: now, actor: null, reason: 'the code no longer declares it', byCode: true };
  return { task: { ...task, state: { ...task.state, updatedAt: now, pause } }, value: ['paused'] };
}
