import { isErrorOf } from '../../errors/foreign.js';
import { RunAbortedError } from '../../errors/run.errors.js';
import { RunSuspendedError, StepError } from '../../errors/step.errors.js';
import type { StepOptions } from '../../executors/steps.interface.js';
import type { Clock } from '../../model/clock.js';
import { isNonRetryable, retryLaterMs } from '../../model/handler.errors.js';
import type { RetryPolicy } from '../../model/retry.js';
import { wait } from '../../time/wait.js';
import type { BackoffRegistry } from './backoff.registry.js';

/** What the tries of a step need of their scheduler. */
export interface TryServices {
  readonly clock: Clock;
  readonly backoffs: Pick<BackoffRegistry, 'delayAfter'>;
  /** The policy that somebody gave for a step. @throws InvalidOptionError, UnknownOptionError */
  readonly retryOf: (retry: StepOptions['retry']) => RetryPolicy | null;
}

/** The run that a step is of. */
interface TriedRun {
  readonly signal: AbortSignal;
  /** @throws Whatever keeps a step of the run from being tried again. */
  readonly refuseOver: () => void;
}

/**
 * Does the work of a step until it does not throw, as often as its policy says.
 *
 * @throws What the last try threw, and the reason of the abort where the run is aborted meanwhile.
 */
export async function tryStep<T>(
  work: () => T | Promise<T>,
  policy: RetryPolicy,
  { signal, refuseOver }: TriedRun,
  { clock, backoffs }: TryServices,
): Promise<T> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await work();
    } catch (error) {
      if (!isWorthIt(error) || attempt >= policy.attempts) throw error;
      const delayMs = retryLaterMs(error) ?? backoffs.delayAfter(policy, attempt, error);
      if (delayMs === null) throw error;
      if (delayMs > 0) await pauseUnlessAborted(clock, delayMs, signal);
      refuseOver();
    }
  }
}

function isWorthIt(error: unknown): boolean {
  if (isNonRetryable(error)) return false;
  return ![StepError, RunSuspendedError, RunAbortedError].some((kind) => isErrorOf(error, kind));
}

function pauseUnlessAborted(clock: Clock, ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const over = (settle: () => void) => () => {
      cancel();
      signal.removeEventListener('abort', aborted);
      settle();
    };
    const aborted = over(() => reject(signal.reason as Error));
    const cancel = wait(clock, ms, over(resolve));
    if (signal.aborted) aborted();
    else signal.addEventListener('abort', aborted);
  });
}
