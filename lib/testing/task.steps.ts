import { show } from '../errors/asyncz.error.js';
import { InvalidOptionError } from '../errors/input.errors.js';
import { messageOf } from '../errors/thrown.js';
import type { Clock } from '../model/clock.js';
import type { StoredStep } from '../model/run.js';
import { MAX_STEP_BYTES } from '../model/step.bounds.js';
import { DEFAULT_POLICIES } from '../model/task.policies.js';
import { STEP_VALUES } from '../persistence/step.values.js';
import { BackoffRegistry } from '../scheduler/loop/backoff.registry.js';
import { RunSteps } from '../scheduler/loop/run.steps.js';
import { resolvePolicies } from '../scheduler/tasks/policy.reader.js';

/** What the steps of a test are made from. */
interface TestRun {
  readonly runId: string;
  readonly signal: AbortSignal;
  readonly clock: Clock;
  /** What the work of a transaction gets. */
  readonly transaction?: unknown;
}

/**
 * Steps as a run has them, which are kept nowhere.
 *
 * @param results What earlier attempts have stored, by the name of the step.
 * @throws InvalidOptionError For a result that cannot be stored.
 */
export function createTestSteps(
  { runId, signal, clock, transaction }: TestRun,
  results: Readonly<Record<string, unknown>>,
): RunSteps {
  const backoffs = new BackoffRegistry();
  const at = clock.now();
  const steps = Object.entries(results).map(([name, value]): StoredStep => {
    const result = written(name, value);
    return { name, at, ...(result !== undefined && { result }) };
  });
  return new RunSteps(
    {
      runId,
      run: { steps },
      hasEnded: false,
      signal,
      get aborted() {
        return signal.aborted ? (signal.reason as Error) : null;
      },
      holds: () => true,
      inSpan: (_name, stepWork) => stepWork(),
      leaseLost: () => {},
      keepStep: () => Promise.resolve('kept'),
      refuseTransaction: () => {},
      commitStep: (work) => work(transaction),
      commitEnd: (work) => work(transaction),
    },
    {
      storeClock: clock,
      stepValues: STEP_VALUES,
      clock,
      backoffs,
      retryOf: (retry) => resolvePolicies({ retry }, DEFAULT_POLICIES, backoffs.names()).retry,
    },
  );
}

function written(name: string, value: unknown): string | undefined {
  let problem = `at most ${MAX_STEP_BYTES} bytes`;
  try {
    const text = STEP_VALUES.write(value);
    if (text !== null) return text;
  } catch (error) {
    problem = `what a step may give back: ${messageOf(error)}`;
  }
  throw new InvalidOptionError(`steps[${show(name)}]`, value, problem);
}
