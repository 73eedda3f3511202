import { listOf } from '../../errors/asyncz.error.js';
import { isErrorOf } from '../../errors/foreign.js';
import { RunSuspendedError } from '../../errors/step.errors.js';
import { messageOf } from '../../errors/thrown.js';
import type { HeldRun } from './held.run.js';
import type { RunServices } from './run.services.js';

/** How many names the log has. */
const MOST_NAMED = 10;

/**
 * Reports the steps that earlier attempts have stored, and that the attempt which succeeded has not asked for: they were renamed,
 * and done again under another name, or taken out.
 */
export function reportUnasked(run: HeldRun, { events, logger }: Pick<RunServices, 'events' | 'logger'>): void {
  // Of a simple run nothing is worked out: it is a first attempt, and has no steps of others.
  if (run.simpleSince !== null || !run.run.steps) return;
  const steps = run.steps.unasked();
  if (steps.length === 0) return;
  const line = `The run "${run.runId}" succeeded and did not ask for steps that earlier attempts have stored`;
  logger.warn(
    `${line}: ${listOf(steps.slice(0, MOST_NAMED))}${steps.length > MOST_NAMED ? ' and more' : ''}`,
    run.logFields,
  );
  events.emit('run.steps-unasked', () => ({ ...run.event(), steps }));
}

/** Reports what a handler has thrown when that could change nothing any more. @param what What had become of its run before. */
export function warnOfLate(run: HeldRun, what: string, error: unknown, { logger }: Pick<RunServices, 'logger'>): void {
  if (error === undefined || isErrorOf(error, RunSuspendedError)) return;
  const line = `The handler "${run.task.handler}" threw after its run "${run.runId}" ${what}, which stands`;
  logger.warn(`${line}: ${messageOf(error)}`, run.logFields);
}
