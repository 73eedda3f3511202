import type { Executor } from '../executors/executor.interface.js';
import type { Awaitable } from '../stores/store.interface.js';
import { EXECUTOR_TIMEOUT_MS, ExecutorBench } from './executor/executor.bench.js';
import { EXECUTOR_CONTRACT } from './executor/executor.contract.js';
import type { ExecutorTest } from './executor/executor.contract.js';
import { resolveHooks } from './test-hooks.js';
import type { TestHooks } from './test-hooks.js';

/**
 * What the conformance kit needs to know of an executor, and of the test runner.
 *
 * @publicApi
 */
export interface DescribeExecutorOptions extends Partial<TestHooks> {
  /** How long one test may take, in milliseconds. @default 60000 */
  readonly timeoutMs?: number;
}

/**
 * The contract of executors as tests: declares them with the `describe` and `it` of the test runner that calls it. Each built-in
 * executor passes them, and so should one of your own. The handlers that it is given are {@link executorProbes}.
 *
 * @example
 * import { describe, it } from 'vitest';
 * describeExecutor('MyExecutor', () => new MyExecutor(), { describe, it });
 *
 * @param name What the tests are called after.
 * @param create Makes an executor that is not started, a new one each time.
 * @throws TestRunnerMissingError When no test runner is handed over and none is to be seen.
 * @publicApi
 */
export function describeExecutor(
  name: string,
  create: () => Awaitable<Executor>,
  options: DescribeExecutorOptions = {},
): void {
  const { describe, it } = resolveHooks('describeExecutor', options);
  const { timeoutMs = EXECUTOR_TIMEOUT_MS } = options;
  describe(name, () => {
    for (const [rule, test] of Object.entries(EXECUTOR_CONTRACT)) {
      it(rule, () => runRule(test, new ExecutorBench(create, timeoutMs)), timeoutMs);
    }
  });
}

async function runRule(test: ExecutorTest, bench: ExecutorBench): Promise<void> {
  await bench.open();
  try {
    await test(bench);
  } finally {
    await bench.close();
  }
}
