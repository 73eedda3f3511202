import { describe, expect, it } from 'vitest';
import { AsyncExecutor } from '../../lib/executors/async.executor.js';
import { DebugExecutor } from '../../lib/executors/debug.executor.js';
import type { Executor } from '../../lib/executors/executor.interface.js';
import { describeExecutor } from '../../lib/testing/describe-executor.js';
import { ElsewhereExecutor, EXECUTOR_MUTANTS } from './mutants/executor.mutants.js';

describeExecutor('AsyncExecutor', () => new AsyncExecutor(), { describe, it });
describeExecutor('AsyncExecutor with one place', () => new AsyncExecutor({ concurrency: 1 }), { describe, it });
describeExecutor('DebugExecutor', () => new DebugExecutor(), { describe, it });

/** The rules of the kit, each with what looks whether an executor keeps it. */
function rulesOf(create: () => Executor): ReadonlyMap<string, () => Promise<void>> {
  const rules = new Map<string, () => Promise<void>>();
  describeExecutor('kit', create, {
    describe: (_title, body) => body(),
    it: (rule, body) => rules.set(rule, body),
    timeoutMs: 400,
  });
  return rules;
}

async function brokenOf(create: () => Executor, only?: readonly string[]): Promise<string[]> {
  const broken: string[] = [];
  for (const [rule, body] of rulesOf(create)) {
    if (!only || only.includes(rule)) await body().catch(() => broken.push(rule));
  }
  return broken;
}

describe('the conformance kit of executors', () => {
  it('finds nothing wrong with an executor that keeps the contract', async () => {
    expect(await brokenOf(() => new ElsewhereExecutor())).toEqual([]);
  });

  for (const { fault, create, caughtBy } of EXECUTOR_MUTANTS) {
    it(`finds that ${fault}`, async () => {
      expect(await brokenOf(create, caughtBy)).toEqual(rulesIn(caughtBy));
    });
  }

  it('has no rule that none of these faults breaks', () => {
    const caught = new Set(EXECUTOR_MUTANTS.flatMap(({ caughtBy }) => caughtBy));
    expect([...rulesOf(() => new ElsewhereExecutor()).keys()].filter((rule) => !caught.has(rule))).toEqual([]);
  });
});

/** In the order of the kit. */
function rulesIn(names: readonly string[]): string[] {
  return [...rulesOf(() => new ElsewhereExecutor()).keys()].filter((rule) => names.includes(rule));
}
