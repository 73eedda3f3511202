import { STORE_CONTRACT } from './contract/store.contract.js';
import type { ContractTest } from './contract/contract.section.js';
import type { CreateStore, DescribeStoreOptions } from './describe-store.options.js';
import { StoreBench, TIMEOUT_MS } from './store.bench.js';
import { resolveHooks } from './test-hooks.js';

/**
 * The store contract as tests: declares them with the `describe` and `it` of the test runner that calls it. A store that
 * passes them keeps what the scheduler promises; each built-in one does, and so should one of your own.
 *
 * What a store can do is read from its `capabilities`. Two schedulers are two store objects on the same data, or twice
 * the same object where the store coordinates only one process.
 *
 * @example
 * import { describe, it } from 'vitest';
 * describeStore('MyStore', ({ namespace }) => new MyStore(`./var/${namespace}.json`), {
 *   describe,
 *   it,
 *   cleanup: ({ namespace }) => rm(`./var/${namespace}.json`, { force: true }),
 * });
 *
 * @param name What the tests are called after.
 * @throws TestRunnerMissingError When no test runner is handed over and none is to be seen.
 * @publicApi
 */
export function describeStore(name: string, create: CreateStore, options: DescribeStoreOptions = {}): void {
  const { describe, it } = resolveHooks('describeStore', options);
  for (const encryption of options.encryption ?? ['plain', 'encrypted']) {
    const encrypted = encryption === 'encrypted';
    describe(`${name}, ${encryption}`, () => {
      for (const { title, tests, applies } of STORE_CONTRACT) {
        if (applies && !applies(options, encrypted)) continue;
        describe(title, () => {
          for (const [rule, test] of Object.entries(tests)) {
            it(rule, () => runContractTest(test, create, options, encrypted), options.timeoutMs ?? TIMEOUT_MS);
          }
        });
      }
    });
  }
}

/** Runs one rule on data of its own, and leaves nothing behind. */
async function runContractTest(
  test: ContractTest,
  create: CreateStore,
  options: DescribeStoreOptions,
  encrypted: boolean,
): Promise<void> {
  const bench = new StoreBench(create, options, encrypted);
  let failure: unknown;
  try {
    await test(bench);
  } catch (error) {
    failure = error ?? new Error('The test failed without a reason.');
  }
  try {
    await bench.close();
  } catch (error) {
    failure ??= error;
  }
  if (failure) throw failure;
}
