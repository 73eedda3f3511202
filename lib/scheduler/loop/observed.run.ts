import type { StoreMeter } from '../../observe/meter/store.meter.js';
import type { TracedRun } from '../../observe/meter/tracing.js';
import type { HeldRun } from './held.run.js';
import type { RunServices } from './run.services.js';

/** The handler of a run is about to be called. */
export function measureCall(
  run: HeldRun,
  meter: StoreMeter,
  { clock, storeClock }: Pick<RunServices, 'clock' | 'storeClock'>,
): void {
  run.calledAt = clock.monotonic();
  // Of a simple run nothing is worked out: it was due at its scheduled time. A retry is due when its pause is over.
  const dueAt = run.simpleSince === null ? run.run.availableAt : run.scheduledTime;
  meter.called(run.task.handler, storeClock.now() - dueAt);
}

/** A run as its span tells of it. */
export function tracedRun(run: HeldRun): TracedRun {
  const { taskId, runId, source, attempt, scheduledTime, task, store } = run;
  return { taskId, runId, handler: task.handler, store, source, attempt, scheduledTime, addedUnder: task.trace };
}
