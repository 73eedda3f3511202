import { endedRunEvent } from '../../events/run.event.js';
import type { SchedulerEventMap } from '../../events/event.map.js';
import type { TaskDefinition } from '../../model/definition.js';
import type { RunRecord, RunStatus } from '../../model/run.js';
import type { Committed } from '../../stores/store.interface.js';
import type { Claimed } from '../plan/claim.plan.js';
import type { LostRuns } from './lost.runs.js';
import type { RunServices } from './run.services.js';

/** The event of a run that a claim has ended, by how it ended. */
const EVENT_OF: Readonly<Partial<Record<RunStatus, keyof SchedulerEventMap>>> = {
  missed: 'run.missed',
  skipped: 'run.skipped',
  lost: 'run.lost',
  cancelled: 'run.cancelled',
};

/** Tells what a claim has recorded without running: runs that were missed, skipped or lost, problems, pauses, removed tasks. */
export function announceClaim(
  { id: taskId, task, value: { definition, history, isResumed } }: Committed<Claimed>,
  services: Pick<RunServices, 'alias' | 'events' | 'logger' | 'observed'>,
  lost: Pick<LostRuns, 'add'>,
): void {
  const { alias: store, events, logger } = services;
  for (const record of history) {
    announceRun(record, definition, services);
    services.observed.meter?.recorded(record);
    if (record.status === 'lost') lost.add(record);
  }
  if (isResumed) events.emit('task.resumed', { taskId, store, actor: null, reason: 'its pause was until now' });
  if (!task) {
    events.emit('task.removed', { taskId, store, reason: 'finished' });
    return;
  }
  const { pause, problem, updatedAt } = task.state;
  if (pause?.at === updatedAt && history.some(({ dead }) => dead)) {
    logger.error(`The task "${taskId}" is paused: ${pause.reason}`, undefined, { task: taskId, store });
    events.emit('task.paused', { taskId, store, actor: pause.actor, reason: pause.reason, byFailures: true });
  }
  if (problem?.at !== updatedAt) return;
  logger.warn(`The task "${taskId}" is postponed (${problem.code}): ${problem.message}`, { task: taskId, store });
  events.emit('task.problem', { taskId, store, problem });
}

function announceRun(
  record: RunRecord,
  task: TaskDefinition,
  { alias, events }: Pick<RunServices, 'alias' | 'events'>,
): void {
  const name = EVENT_OF[record.status];
  if (!name) return;
  // A dead run that somebody had asked to cancel has no error.
  events.emit(name, {
    ...endedRunEvent(record, alias, task),
    ...(name === 'run.cancelled' && { error: null }),
  } as never);
}
