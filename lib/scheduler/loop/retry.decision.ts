import { isErrorOf } from '../../errors/foreign.js';
import { ArgumentsRefusedError } from '../../errors/schema.errors.js';
import { StepError } from '../../errors/step.errors.js';
import { isNonRetryable, retryLaterMs } from '../../model/handler.errors.js';
import type { TaskDefinition } from '../../model/definition.js';
import { isLastAttempt } from '../../model/retry.js';
import { backoffOf, isRetryable } from './handler.policy.js';
import type { RunServices } from './run.services.js';

/** How many attempts a run has whose handler asks for them and whose task has no `retry`: a bound on what goes on for ever. */
const ASKED_FOR = 100;

/** An attempt that failed. */
interface Failure {
  readonly task: TaskDefinition;
  readonly runId: string;
  /** From 1. */
  readonly attempt: number;
  readonly error: unknown;
}

type DecisionServices = Pick<RunServices, 'handlers' | 'backoffs' | 'logger'>;

/**
 * How long to wait until the next attempt, in milliseconds; null when none follows. First the error itself decides, then the
 * policy of the handler, then the `retry` of the task. Code of the application that fails here makes the run dead, and is logged.
 */
export function retryDelay({ task, runId, attempt, error }: Failure, services: DecisionServices): number | null {
  const { handlers, backoffs, logger } = services;
  const { retry } = task.policies;
  // The same arguments are refused the next time, too.
  const isRefused = isErrorOf(error, ArgumentsRefusedError);
  if (isNonRetryable(error) || isErrorOf(error, StepError) || isRefused) return null;
  const laterMs = retryLaterMs(error);
  if (laterMs !== null) return attempt < (retry?.attempts ?? ASKED_FOR) ? laterMs : null;
  const policy = handlers.policyOf(task.handler);
  try {
    if (!isRetryable(policy, error)) return null;
  } catch (fault) {
    logger.error(`What the handler "${task.handler}" says of retries failed; run "${runId}" is not tried again`, fault);
    return null;
  }
  if (retry === null || isLastAttempt(retry, attempt)) return null;
  try {
    const wanted = backoffOf(policy, error, attempt);
    return wanted === undefined ? backoffs.delayAfter(retry, attempt, error) : wanted;
  } catch (fault) {
    logger.error(`The back-off of task "${task.id}" failed; the run is not tried again`, fault);
    return null;
  }
}
