import { SettableClock } from '../../lib/model/clock.js';
import { describeStore } from '../../lib/testing/describe-store.js';
import type { CreateStore, DescribeStoreOptions } from '../../lib/testing/describe-store.options.js';

/** What became of each rule of the kit: null when it passed, else what it failed with. */
export type Verdicts = ReadonlyMap<string, unknown>;

/** The rules of the conformance kit, each with what looks whether a store keeps it. */
export function rulesOfKit(create: CreateStore, options: DescribeStoreOptions): Map<string, () => Promise<void>> {
  const tests = new Map<string, () => Promise<void>>();
  const titles: string[] = [];
  // A clock that the kit moves makes leases run out without a wait.
  const clock = new SettableClock(1_700_000_000_123);
  describeStore('kit', create, {
    describe: (title, body) => {
      titles.push(title);
      body();
      titles.pop();
    },
    // The first title says plain or encrypted, which the rules do not depend on.
    it: (rule, body) => tests.set([...titles.slice(1), rule].join(': '), body),
    clock,
    advance: (ms) => clock.advance(ms),
    encryption: ['plain'],
    volume: 60,
    timeoutMs: 3_000,
    ...options,
  });
  return tests;
}

/**
 * Runs the conformance kit as a test runner would, and tells of failures instead of reporting them.
 *
 * @param only The rules to look at instead of all.
 */
export async function recordKit(
  create: CreateStore,
  options: DescribeStoreOptions,
  only?: readonly string[],
): Promise<Verdicts> {
  const verdicts = new Map<string, unknown>();
  for (const [rule, body] of rulesOfKit(create, options)) {
    if (only && !only.includes(rule)) continue;
    try {
      await inTime(body());
      verdicts.set(rule, null);
    } catch (error) {
      verdicts.set(rule, error);
    }
  }
  return verdicts;
}

/** Fails a rule that never ends, as a test runner does. */
async function inTime(work: Promise<void>): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error('The rule did not end in time.')), 5_000);
  });
  try {
    await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}
