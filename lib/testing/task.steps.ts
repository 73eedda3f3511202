import { show } from '../errors/asyncz.error.js';
import { InvalidOptionError } from '../errors/input.errors.js';
import { messageOf } from '../errors/thrown.js';
import type { Clock } from '../model/clock.js';
import type { StoredStep } from '../model/run.js';
import { MAX_STEP_BYTES } from '../model/step.bounds.js';
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
 * @throws InvalidOptionError For a result that cannot be stored.
 */
export function createTestSteps(
  { runId, signal, clock }: TestRun,
  results: Readonly<Record<string, unknown>>,
): RunSteps {
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
