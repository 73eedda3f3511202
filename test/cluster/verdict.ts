import { expect } from 'vitest';
import { taskOf } from './ledger.js';
import type { Ledger } from './ledger.js';

/** What came of a scenario. */
export interface Verdict {
  readonly expected: number;
  /** How many of the expected tasks were started at all. */
  readonly started: number;
  /** How often they were started. */
  readonly attempts: number;
  /** At-most-once runs that were started more than once. */
  readonly doubled: readonly string[];
  /** At-least-once runs that did not come to their end. */
  readonly lost: readonly string[];
  /** Runs whose later attempt has no larger token. */
  readonly unordered: readonly string[];
  /** The longest time for which two live processes worked on the same run, in milliseconds. */
  readonly overlapMs: number;
}

/** Judges one-shot tasks by what the processes have noted. */
export function judge(ledger: Ledger, { least, most }: { least: readonly string[]; most: readonly string[] }): Verdict {
  const attempts = [...ledger.attempts()];
  const startsOf = new Map<string, number>();
  for (const [runId, { length }] of attempts) {
    startsOf.set(taskOf(runId), (startsOf.get(taskOf(runId)) ?? 0) + length);
  }
  const ended = new Set([...ledger.ended()].map(taskOf));
  const all = [...least, ...most];
  const pairs = attempts.flatMap(([runId, of]) => of.slice(1).map((later, at) => ({ runId, earlier: of[at]!, later })));
  return {
    expected: all.length,
    started: all.filter((id) => startsOf.has(id)).length,
    attempts: all.reduce((sum, id) => sum + (startsOf.get(id) ?? 0), 0),
    doubled: most.filter((id) => (startsOf.get(id) ?? 0) > 1),
    lost: least.filter((id) => !ended.has(id)),
    unordered: pairs.flatMap(({ runId, earlier, later }) => (later.start.token > earlier.start.token ? [] : runId)),
    // One that is not over belongs to a process that was killed.
    overlapMs: pairs.reduce((longest, { earlier, later }) => {
      const overlap = earlier.over - later.start.at;
      return Number.isFinite(overlap) ? Math.max(longest, overlap) : longest;
    }, 0),
  };
}

/**
 * Nothing is lost, nothing doubled that must not be, and no two live processes work on the same run.
 *
 * @param slackMs For how long they may all the same, in milliseconds: the machine of the tests is busy, and a process that
 *   does not get the processor when its lease is over cannot stop.
 */
export function expectSound({ doubled, lost, unordered, overlapMs }: Verdict, slackMs: number): void {
  expect({ doubled, lost, unordered }).toEqual({ doubled: [], lost: [], unordered: [] });
  expect(overlapMs).toBeLessThan(slackMs);
}

/** One line a scenario and store: what was expected and what came of it. */
export function report(
  scenario: string,
  store: string,
  { expected, started, doubled, lost, attempts, overlapMs }: Verdict,
  more: Readonly<Record<string, number | string>> = {},
): void {
  const figures = Object.entries({ attempts, ...(overlapMs > 0 && { 'overlap ms': Math.round(overlapMs) }), ...more });
  const rest = figures.map(([name, value]) => `${name} ${value}`).join(', ');
  const counts = `expected ${expected}, started ${started}, doubled ${doubled.length}, lost ${lost.length}`;
  console.log(`${scenario.padEnd(9)} ${store.padEnd(10)} ${counts} (${rest})`);
}
