import type { LiveRun } from '../../model/run.js';
import { scheduledRunId } from '../../model/run.js';
import { isHeld, runningCount } from '../../model/task.js';
import type { BaseTrigger } from '../../triggers/base.trigger.js';
import { attempt, withinBudget } from '../../triggers/search-budget.js';
import type { Occurrence, TriggerSeed } from '../../triggers/trigger.interface.js';
import type { Work } from './work.js';
import { endedRun } from './ended.run.js';
import { holdBackMs } from './failed.run.js';
import { checkedOccurrence } from './occurrence.check.js';
import { waitingRun } from './waiting.run.js';

/** How many runs of a task may be live where any number may run at a time: all of them stand in one record. */
const MOST_LIVE = 1_000;

/**
 * Turns the due times of a task into waiting runs, or into records of what was missed or skipped, and moves the schedule
 * on to the first time after now. However long the outage, the work is bounded.
 */
export function admitDueTimes(work: Work, trigger: BaseTrigger): void {
  const { task, now } = work;
  const { nextScheduledTime, nextRunTime } = work.state;
  if (isHeld(task.definition, work.state) || nextRunTime === null || nextRunTime > now) return;
  const seed = { taskId: task.id };
  // Without a time of the grid this is a first run at a time of the caller's own choice: it is its own grid.
  const from = { scheduledTime: nextScheduledTime ?? nextRunTime, runTime: nextRunTime };
  const { due, latest, all } = withinBudget(() => dueTimes(work, trigger, from, seed));
  const chosen = limitRuns(work, trigger, all);
  // One that counts from the end of a run has no next time until that run has ended.
  const waits = trigger.advance === 'completion';
  const next = waits ? null : checkedOccurrence(due.next, latest.scheduledTime);
  const scheduledCount = work.state.scheduledCount + chosen.length;
  const spent = trigger.maxRuns !== null && scheduledCount >= trigger.maxRuns;
  const { state } = work;
  state.scheduledCount = scheduledCount;
  state.lastScheduledTime = latest.scheduledTime;
  state.nextScheduledTime = spent ? null : (next?.scheduledTime ?? null);
  state.nextRunTime = spent ? null : (next?.runTime ?? null);
  state.exhausted = spent || (!waits && next === null);
  if (chosen.length > 1) admitAll(work, chosen);
  else for (const { occurrence, coalesced } of chosen) admit(work, occurrence, coalesced);
}

function dueTimes(work: Work, trigger: BaseTrigger, from: Occurrence, seed: TriggerSeed) {
  const due = trigger.catchUp(from, work.now, seed);
  const latest = checkedOccurrence(due.latest) ?? from;
  const all = attempt(1, () => chooseDueTimes(work, trigger, from, due.count, latest, seed));
  // Where it takes too long to tell the missed times apart, the latest one runs for all of them.
  return { due, latest, all: all ?? [{ occurrence: latest, coalesced: Math.max(0, due.count - 1) }] };
}

interface Chosen {
  readonly occurrence: Occurrence;
  readonly coalesced: number;
}

function chooseDueTimes(
  work: Work,
  trigger: BaseTrigger,
  from: Occurrence,
  count: number,
  latest: Occurrence,
  seed: TriggerSeed,
): Chosen[] {
  const { coalesce, maxCatchUp } = work.task.definition.policies;
  if (count <= 1 || coalesce === 'latest') return [{ occurrence: latest, coalesced: Math.max(0, count - 1) }];
  if (coalesce === 'earliest') return [{ occurrence: from, coalesced: count - 1 }];
  const first = count <= maxCatchUp ? from : trigger.skip(from, count - maxCatchUp, work.now, seed);
  const chosen: Chosen[] = [];
  for (
    let next: Occurrence | null = first;
    next !== null && next.runTime <= work.now && chosen.length < maxCatchUp;
    next = trigger.nextOccurrence(next.scheduledTime, work.now, seed)
  ) {
    chosen.push({ occurrence: next, coalesced: 0 });
  }
  // Last, since what is recorded stays recorded.
  if (count > maxCatchUp) record(work, from, 'missed', count - maxCatchUp - 1);
  return chosen;
}

function limitRuns(work: Work, trigger: BaseTrigger, chosen: Chosen[]): Chosen[] {
  return trigger.maxRuns === null ? chosen : chosen.slice(0, Math.max(0, trigger.maxRuns - work.state.scheduledCount));
}

/** Admits several missed times that are all to run: they queue up behind each other. */
function admitAll(work: Work, chosen: readonly Chosen[]): void {
  const { live } = work.state;
  const known = new Set(live.map(({ id }) => id));
  // Those of the last outage may still wait: the record of a task does not grow from outage to outage.
  let room = work.task.definition.policies.maxCatchUp - live.filter(({ status }) => status === 'waiting').length;
  const added: LiveRun[] = [];
  for (const { occurrence, coalesced } of chosen) {
    const run = scheduledRun(work, occurrence, coalesced);
    if (isTooLate(work, occurrence)) record(work, occurrence, 'missed', coalesced);
    else if (!known.has(run.id) && room > 0) {
      added.push(run);
      room -= 1;
    } else if (!known.has(run.id)) record(work, occurrence, 'skipped', coalesced);
  }
  work.state.live = [...live, ...added];
}

function isTooLate({ task, now }: Work, { runTime }: Occurrence): boolean {
  const { misfireGraceMs } = task.definition.policies;
  return misfireGraceMs !== null && now - runTime > misfireGraceMs;
}

function admit(work: Work, occurrence: Occurrence, coalesced: number): void {
  const { policies } = work.task.definition;
  if (isTooLate(work, occurrence)) {
    record(work, occurrence, 'missed', coalesced);
    return;
  }
  const run = scheduledRun(work, occurrence, coalesced);
  // A task that was rescheduled onto a time that it already works on does not run it twice.
  if (work.state.live.some((live) => live.id === run.id)) return;
  // One that sleeps is among them, or each time of a task whose runs sleep for days would add one to its record.
  const queued = work.state.live.filter(
    ({ status, attempt: nth, source, asleep }) =>
      status === 'waiting' && (nth === 1 || asleep === true) && source === 'schedule',
  );
  const busy =
    policies.overlap === 'allow'
      ? work.state.live.length >= MOST_LIVE
      : runningCount(work.state) + queued.length >= policies.maxInstances;
  if (!busy) {
    push(work, run);
    return;
  }
  switch (policies.overlap) {
    case 'queueOne':
      if (queued.length > 0) break;
      push(work, run);
      return;
    case 'queueAll':
      if (queued.length >= policies.maxQueued) break;
      push(work, run);
      return;
    case 'cancelRunning':
      replaceRunning(work, run);
      return;
    default:
  }
  record(work, occurrence, 'skipped', coalesced);
}

/** Asks the oldest running one to stop and lets the new one wait for its place; older ones that waited give way. */
function replaceRunning(work: Work, run: LiveRun): void {
  const { now, task } = work;
  const oldest = work.state.live.find((live) => live.status === 'running' && live.cancel === null);
  const live: LiveRun[] = [];
  for (const one of work.state.live) {
    if (one.status === 'waiting' && one.source === 'schedule') work.history.push(endedRun(task, one, 'skipped', now));
    else if (one === oldest)
      live.push({ ...one, cancel: { at: now, actor: null, reason: 'a newer run takes its place' } });
    else live.push(one);
  }
  work.state.live = [...live, run];
}

function push(work: Work, run: LiveRun): void {
  work.state.live = [...work.state.live, run];
}

function record(work: Work, occurrence: Occurrence, status: 'missed' | 'skipped', coalesced: number): void {
  work.history.push(
    endedRun(work.task, { ...scheduledRun(work, occurrence, coalesced), attempt: 0 }, status, work.now),
  );
}

function scheduledRun(work: Work, { scheduledTime, runTime }: Occurrence, coalesced: number): LiveRun {
  const heldBackMs = holdBackMs(work.state, work.task.definition.policies);
  return waitingRun({
    id: scheduledRunId(work.task.id, scheduledTime),
    source: 'schedule',
    scheduledTime,
    availableAt: heldBackMs === 0 ? Math.min(runTime, work.now) : work.now + heldBackMs,
    coalesced,
  });
}
