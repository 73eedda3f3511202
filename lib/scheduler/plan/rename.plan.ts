import type { Change } from '../../model/change.js';
import { isDisabled, MAX_PREVIOUS_IDS } from '../../model/definition.js';
import type { Declaration, Renaming } from '../../model/definition.js';
import { runningCount } from '../../model/task.js';
import type { TaskRecord } from '../../model/task.js';

/**
 * A rename is four steps, since no store changes two tasks at once: the old task is held; it is copied to the new id, held too;
 * the old one is removed if it is still what was copied; the new one is let go. At each moment one of both at the most can run,
 * and whoever finds a rename half done goes on with it.
 */
export type RenameStep = 'held' | 'copied' | 'removed' | 'released';

type RenameChange = Change<RenameStep>;

/** Holds a task that gets another id: nothing of it starts, and a run under way goes on. null when it is so already. */
export function holdRenamed(task: TaskRecord, now: number, to: string): RenameChange | null {
  const { part, other } = renamingOf(task) ?? {};
  if (task.definition.declared === null || (part === 'source' && other === to)) return null;
  return { task: touched(held(withoutRenaming(task), { part: 'source', other: to, version: 0 }), now), value: 'held' };
}

/** Ends the hold of a task: it keeps its id after all, or has its new one. null when it is not held by a rename. */
export function releaseRenamed(task: TaskRecord, now: number): RenameChange | null {
  return renamingOf(task) ? { task: touched(withoutRenaming(task), now), value: 'released' } : null;
}

/** Whether a run of the task is under way whose owner may be alive: its end has to find the task. */
export function isBusy({ state }: TaskRecord, now: number): boolean {
  if (runningCount(state) === 0) return false;
  const leases = state.live.flatMap(({ status, leaseUntil }) => (status === 'running' ? [leaseUntil ?? Infinity] : []));
  return Math.max(state.lease?.until ?? -Infinity, ...leases) > now;
}

/**
 * A task under another id: its schedule goes on; pause, counters, tokens, and the runs that wait come along, and its old id says
 * where the rest of its history is.
 */
export function underId(task: TaskRecord, id: string): TaskRecord {
  const free = withoutRenaming(task);
  const { declared } = free.definition;
  const previousIds = linkedIds([task.id, ...(declared?.previousIds ?? [])], id);
  const definition = { ...free.definition, id, declared: declared && { ...declared, previousIds } };
  return { ...free, id, definition, version: 1 };
}

/** The copy of a task under its new id, held until the old one is gone. */
export function heldCopy(copy: TaskRecord, source: TaskRecord): TaskRecord {
  return held(copy, { part: 'copy', other: source.id, version: source.version });
}

/** Puts a newer copy in the place of one that nobody has let go yet. null when that is newer already, or was let go. */
export function copyAgain(there: TaskRecord, newer: TaskRecord): RenameChange | null {
  const [old, fresh] = [renamingOf(there), renamingOf(newer)];
  if (old?.part !== 'copy' || old.other !== fresh?.other || old.version >= fresh.version) return null;
  return { task: { ...newer, version: there.version }, value: 'copied' };
}

/** Removes the old task, if it is still what was copied. */
export function removeCopied(source: TaskRecord, version: number): RenameChange | null {
  return source.version === version ? { task: null, value: 'removed' } : null;
}

/** What a task has to do with a rename; null for nothing. */
export function renamingOf({ definition }: TaskRecord): Renaming | null {
  return definition.declared?.renaming ?? null;
}

/** A task as it is without the hold of a rename. */
export function withoutRenaming(task: TaskRecord): TaskRecord {
  const { declared } = task.definition;
  if (!declared?.renaming) return task;
  const { renaming, ...rest } = declared;
  return withDeclared(task, { ...rest, disabled: renaming.wasDisabled });
}

/** Ids that a task had before, each once, without the one that it has. */
export function linkedIds(ids: readonly string[], own: string): readonly string[] {
  return [...new Set(ids)].filter((id) => id !== own).slice(0, MAX_PREVIOUS_IDS);
}

function held(task: TaskRecord, renaming: Omit<Renaming, 'wasDisabled'>): TaskRecord {
  const wasDisabled = isDisabled(task.definition);
  const declared = { ...task.definition.declared!, disabled: true, renaming: { ...renaming, wasDisabled } };
  return withDeclared(task, declared);
}

function withDeclared(task: TaskRecord, declared: Declaration): TaskRecord {
  return { ...task, definition: { ...task.definition, declared } };
}

function touched(task: TaskRecord, now: number): TaskRecord {
  return { ...task, state: { ...task.state, updatedAt: now } };
}
