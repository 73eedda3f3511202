import { AsynczError } from '../errors/asyncz.error.js';

/**
 * The two functions of a test runner that a conformance kit needs. Those of vitest, jest, mocha and `node:test` fit.
 *
 * @publicApi
 */
export interface TestHooks {
  readonly describe: (name: string, body: () => void) => unknown;
  /** @param timeoutMs How long the test may take, in milliseconds. A runner that does not know it may ignore it. */
  readonly it: (name: string, body: () => Promise<void>, timeoutMs: number) => unknown;
}

/**
 * No test runner was passed, and none is global.
 *
 * @publicApi
 */
export class TestRunnerMissingError extends AsynczError {
  readonly code = 'ASYNCZ_TEST_RUNNER_MISSING';

  /** @param kit The function that looked for it. */
  constructor(kit = 'describeStore') {
    super(
      `${kit} found no global "describe" and "it". Hand them over: ` +
        `import { describe, it } from 'vitest' (or '@jest/globals', or 'node:test'), then ${kit}(name, create, { describe, it }).`,
    );
  }
}

/**
 * The hooks that were handed over, or the runner's globals (jest and mocha always have them, vitest with `globals: true`).
 *
 * @param kit The function that asks.
 * @throws TestRunnerMissingError When there are none.
 */
export function resolveHooks(kit: string, given: Partial<TestHooks>): TestHooks {
  const globals = globalThis as Partial<TestHooks>;
  const describe = given.describe ?? globals.describe;
  const it = given.it ?? globals.it;
  if (typeof describe !== 'function' || typeof it !== 'function') throw new TestRunnerMissingError(kit);
  return { describe, it };
}
