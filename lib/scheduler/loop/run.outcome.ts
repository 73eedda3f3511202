import { isErrorOf } from '../../errors/foreign.js';
import { isAwaitable } from '../../errors/returned.js';
import { RunCancelledError, RunTimeoutError, ShutdownError } from '../../errors/run.errors.js';
import type { RunAbortedError } from '../../errors/run.errors.js';
import type { TaskDefinition } from '../../model/definition.js';
import type { RunStatus } from '../../model/run.js';
import { unstoredResult } from '../../model/unstored-result.js';

/** How the handler of a run ended. */
export interface RunOutcome {
  /** `suspended` where it has put the run off, whatever it came to after that. */
  readonly status: RunStatus | 'suspended';
  /** What it threw; undefined when it returned. */
  readonly error?: unknown;
  /** What it returned. */
  readonly result?: unknown;
}

/** What is looked at of a run that is over. */
interface OverRun {
  readonly runId: string;
  readonly task: Pick<TaskDefinition, 'policies'>;
  /** Why it was aborted; null when it was not. */
  readonly aborted: RunAbortedError | null;
  /** How long it was put off, if it was. */
  readonly sleep: object | null;
  /** How long its handler took, in milliseconds. */
  readonly tookMs: number;
}

/** What a run comes to that was put off or aborted, or that took longer than it may, whatever its handler made of it. */
export function judgedOutcome(run: OverRun, outcome: RunOutcome): RunOutcome {
  const { aborted, sleep, task, runId } = run;
  const { timeoutMs } = task.policies;
  if (sleep && (aborted === null || aborted instanceof ShutdownError)) return { ...outcome, status: 'suspended' };
  if (aborted === null && timeoutMs === null) return outcome;
  if (aborted instanceof RunCancelledError || aborted instanceof ShutdownError) {
    // An abort that the handler obeyed is no failure of the handler.
    return outcome.status === 'failed' ? { ...outcome, status: 'cancelled' } : outcome;
  }
  // A handler that blocks the process lets no timer abort it.
  const isOverrun = timeoutMs !== null && (aborted instanceof RunTimeoutError || run.tookMs > timeoutMs);
  if (!isOverrun || isErrorOf(outcome.error, RunTimeoutError)) return outcome;
  return { status: 'failed', error: new RunTimeoutError(runId, timeoutMs, { cause: outcome.error }) };
}

/** What a handler has returned, unless not even that can be asked. */
export function returnedBy(result: unknown): unknown {
  return isAwaitable(result) ? result : unstoredResult('unserializable', 'It throws when it is looked at.');
}
