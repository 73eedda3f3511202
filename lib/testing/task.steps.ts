import type { Clock } from '../model/clock.js';
import type { StoredStep } from '../model/run.js';
import { STEP_VALUES } from '../persistence/step.values.js';
import { RunSteps } from '../scheduler/loop/run.steps.js';

/** What the steps of a test are made from. */
interface TestRun {
  readonly runId: string;
  readonly signal: AbortSignal;
  readonly clock: Clock;
}

/**
 * Steps as a run has them, which are kept nowhere.
 *
 * @param results What earlier attempts have stored, by the name of the step.
 * @throws Error For a result that cannot be stored.
 */
export function createTestSteps(
  { runId, signal, clock }: TestRun,
  results: Readonly<Record<string, unknown>>,
): RunSteps {
  const at = clock.now();
  const steps = Object.entries(results).map(([name, value]): StoredStep => {
    const result = STEP_VALUES.write(value);
    return { name, at, ...(result !== undefined && { result }) };
  });
  return new RunSteps(
    {
      runId,
      run: { steps },
      hasEnded: false,
      get aborted() {
        return signal.aborted ? (signal.reason as Error) : null;
      },
      holds: () => true,
      leaseLost: () => {},
      keepStep: () => Promise.resolve('kept'),
    },
    { storeClock: clock, stepValues: STEP_VALUES },
  );
}
