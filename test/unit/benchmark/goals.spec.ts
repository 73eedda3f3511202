import { describe, expect, it } from 'vitest';
import { judge } from '../../../benchmark/harness/goals.mjs';
import type { Figures } from '../../../benchmark/harness/goals.mjs';

/** Results of a dispatch of 20,000 tasks on Redis alone, by system: runs a second, or null where it failed. */
function resultsOf(systems: Readonly<Record<string, readonly number[] | null>>): Figures {
  const isIt = (workload: string, store: string, name: string) =>
    workload === 'dispatch' && store === 'redis' && name === '20000 tasks';
  return {
    figures: (workload, store, name, system, figure) =>
      isIt(workload, store, name) && figure === 'perSecond' ? (systems[system] ?? null) : null,
    hasFailed: (workload, store, name, system) => isIt(workload, store, name) && systems[system] === null,
  };
}

const inShort = (figures: Figures) =>
  judge(figures).map(({ what, found, isReached }) => [what, found?.median ?? null, isReached]);

describe('goals of the benchmark', () => {
  it('compares the library with a peer and with the bare server', () => {
    const results = resultsOf({ ours: [300, 330], 'bullmq-kept': [100, 100], 'bare-history': [1_000, 1_000] });
    expect(inShort(results)).toEqual([
      ['of BullMQ that keeps its jobs, 20,000 tasks', 3.15, true],
      ['of the bare server with history, 20,000 tasks', 0.315, false],
    ]);
  });

  it('says nothing of what was not measured', () => {
    expect(inShort(resultsOf({ ours: [300] }))).toEqual([]);
  });

  it('has not reached a goal when a run failed, whoever failed', () => {
    expect(inShort(resultsOf({ ours: null, 'bullmq-kept': [100] }))).toEqual([
      ['of BullMQ that keeps its jobs, 20,000 tasks', null, false],
      ['of the bare server with history, 20,000 tasks', null, false],
      ['µs of the process a run, redis', null, false],
    ]);
  });
});
