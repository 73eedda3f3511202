import { isDisabled } from '../../model/definition.js';
import type { ExpectPolicy } from '../../model/expect.js';
import { HANDLER_MISSING, isHeld } from '../../model/task.js';
import type { TaskRecord } from '../../model/task.js';

/** What was expected of a task and did not come. */
export interface Unmet {
  readonly late: { readonly expected: 'start' | 'end'; readonly dueAt: number; readonly withinMs: number } | null;
  /** Set where no run has succeeded for too long: since when. */
  readonly silent: { readonly since: number; readonly everyAtLeastMs: number } | null;
}

/** When a run that was due has neither started nor is over. */
interface Pending {
  readonly dueAt: number;
  readonly isStarted: boolean;
}

/**
 * What is expected of a task and has not come by now. A task that is paused has no times that are due, and may be silent; of one that the
 * code has disabled, or that is at its end, nothing is expected.
 *
 * @param succeededAt When a run of it succeeded last, as far as is known; null if that is not known.
 */
export function unmetOf(task: TaskRecord, expect: ExpectPolicy, now: number, succeededAt: number | null): Unmet {
  const { definition, state } = task;
  if (isDisabled(definition)) return { late: null, silent: null };
  const late = lateOf(task, expect, now);
  const { everyAtLeastMs } = expect;
  const since = succeededAt ?? state.createdAt;
  const isSilent = everyAtLeastMs !== null && !state.exhausted && now - since > everyAtLeastMs;
  return { late, silent: isSilent ? { since, everyAtLeastMs } : null };
}

function lateOf(task: TaskRecord, { startWithinMs, endWithinMs }: ExpectPolicy, now: number): Unmet['late'] {
  for (const { dueAt, isStarted } of pendingOf(task, now)) {
    if (startWithinMs !== null && !isStarted && now - dueAt > startWithinMs)
      return { expected: 'start', dueAt, withinMs: startWithinMs };
    if (endWithinMs !== null && now - dueAt > endWithinMs) return { expected: 'end', dueAt, withinMs: endWithinMs };
  }
  return null;
}

/** The runs of the schedule that were due and are not over, the oldest first. */
function pendingOf({ definition, state }: TaskRecord, now: number): readonly Pending[] {
  const { live, lease, nextRunTime, nextScheduledTime, problem } = state;
  // A fault puts the times off by which it is tried again; the scheduled ones stay.
  const isPutOff = problem !== null && problem.code !== HANDLER_MISSING;
  const pending: Pending[] = [];
  for (const { source, status, scheduledTime, availableAt, attempt, leaseUntil } of live) {
    if (source !== 'schedule') continue;
    const isStarted = attempt > 1 || (status === 'running' && (leaseUntil ?? 0) > now);
    // One that is held back, or waits for its retry, is available later than it was planned.
    const isPlanned = attempt === 1 && !isPutOff && availableAt <= now;
    const planned = isPlanned ? Math.max(scheduledTime, availableAt) : scheduledTime;
    pending.push({ dueAt: isStarted ? scheduledTime : planned, isStarted });
  }
  const next = isPutOff ? (nextScheduledTime ?? nextRunTime) : nextRunTime;
  if (next !== null && next <= now && !isHeld(definition, state))
    pending.push({ dueAt: next, isStarted: lease !== null && lease.until > now });
  return pending.sort((a, b) => a.dueAt - b.dueAt);
}

/** What is remembered of a task that is watched, from look to look. Times are milliseconds since the epoch. */
export interface WatchEntry {
  /** The last success that was seen; left out where nobody needs it. */
  readonly ok?: number;
  /** Since when it is told to be late, and silent; left out while it is not. */
  readonly late?: number;
  readonly silent?: number;
  /** Who was to tell of the last change, until that was done. */
  readonly teller?: string;
  /** What there is to tell, until that was done. */
  readonly untold?: readonly WatchChange[];
}

/** What becomes of a task that is watched. */
export interface WatchChange {
  readonly to: 'late' | 'silent' | 'recovered';
  /** For `recovered`: from what. */
  readonly from?: 'late' | 'silent';
  /** When it is told of; for `recovered`, when it was told before. */
  readonly at: number;
}

/**
 * What is remembered of a task after a look at it.
 *
 * @param teller The identity of the scheduler that looks: it is to tell of the changes.
 * @param keeps A success that is to be remembered.
 */
export function watched(
  before: WatchEntry | undefined,
  unmet: Unmet,
  { now, teller, keeps }: { now: number; teller: string; keeps: number | null },
): WatchEntry {
  const changes: WatchChange[] = [];
  const entry: { -readonly [Field in keyof WatchEntry]: WatchEntry[Field] } = {};
  if (keeps !== null) entry.ok = keeps;
  for (const name of ['late', 'silent'] as const) {
    const since = before?.[name];
    const isUnmet = unmet[name] !== null;
    if (isUnmet) entry[name] = since ?? now;
    if (isUnmet && since === undefined) changes.push({ to: name, at: now });
    if (!isUnmet && since !== undefined) changes.push({ to: 'recovered', from: name, at: since });
  }
  if (changes.length > 0) return { ...entry, teller, untold: changes };
  return before?.untold ? { ...entry, teller: before.teller!, untold: before.untold } : entry;
}

/** Whether there is nothing to remember. */
export function isForgettable(entry: WatchEntry): boolean {
  return Object.keys(entry).length === 0;
}
