import { expect } from 'vitest';
import { pause, SCALE, until } from '../cluster.bench.js';
import type { ClusterBench, Worker } from '../cluster.bench.js';
import { scheduledTimeOf, taskOf } from '../ledger.js';
import type { LedgerLine } from '../ledger.js';
import { addOneShots, together } from '../one-shots.js';
import { expectSound, judge, report } from '../verdict.js';

const WRONG_MS = 5 * 60_000;
const PERIOD_MS = 500;
const RECURRING = 4;

/** How much later than due a run may start on a busy machine, in milliseconds. */
const MAX_LATE_MS = 10_000;

/** How much earlier: a server's clock that is estimated is a little off. */
const MAX_EARLY_MS = 50;

/**
 * The machines' clocks are five minutes fast and slow, and are stepped to and fro: due times follow the server's clock.
 */
export async function wrongClocks(bench: ClusterBench): Promise<void> {
  const { client, kind, ledger, leaseMs } = bench;
  const phaseMs = 20_000 * SCALE;
  const workers = await Promise.all([WRONG_MS, -WRONG_MS, 0].map((clockOffsetMs) => bench.start({ clockOffsetMs })));
  const end = Date.now() + 3 * phaseMs;
  await addRecurring(bench, end);
  const count = kind.slow ? 12 : 60;
  const tasks = await addOneShots(client, 'once', { count, overMs: 3 * phaseMs });
  for (const direction of [1, -1]) {
    await pause(phaseMs);
    await Promise.all(workers.map(({ process }, at) => process.step(direction * (at % 2 ? 2 : -2) * WRONG_MS)));
  }
  await bench.allEnded();
  const verdict = judge(ledger, tasks);
  const starts = firstStarts(ledger.lines());
  const late = starts.map(({ runId, wall }) => wall - scheduledTimeOf(runId));
  const figures = recurringFigures(starts);
  report('clocks', kind.name, verdict, {
    ...figures,
    'earliest ms': Math.min(...late),
    'latest ms': Math.max(...late),
  });
  expectSound(verdict, leaseMs / 2);
  expect(Math.min(...late)).toBeGreaterThan(-MAX_EARLY_MS);
  expect(Math.max(...late)).toBeLessThan(MAX_LATE_MS);
  expect(figures.repeated).toBe(0);
  await expectEachTimeOnce(bench, end);
  expect(workers.map(toldOfSkew)).toEqual([true, true, expect.any(Boolean)]);
}

/**
 * Processes that share a file share the clock of their machine, and that is the store's. It is put five minutes ahead,
 * then back, then ahead again.
 */
export async function steppedClock(bench: ClusterBench): Promise<void> {
  const { client, kind, ledger, leaseMs } = bench;
  const phaseMs = 20_000 * SCALE;
  const workers = await bench.startMany(2);
  const step = (ms: number) => Promise.all(workers.map(({ process }) => process.step(ms)));
  const end = Date.now() + 2 * WRONG_MS;
  await addRecurring(bench, end);
  const soon = await addOneShots(client, 'soon', { count: 20, overMs: phaseMs });
  await until('they have run', () => soon.least.every((id) => hasEnded(ledger.ended(), id)));
  const ahead = await addOneShots(client, 'ahead', { count: 20, overMs: WRONG_MS - phaseMs });
  await step(WRONG_MS);
  await until('what the step made due has run', () => ahead.least.every((id) => hasEnded(ledger.ended(), id)));
  const before = starts(ledger.lines());
  await step(-WRONG_MS);
  await pause(phaseMs);
  // All that is to come is five minutes away now: nothing runs a second time.
  const storm = starts(ledger.lines()) - before;
  await step(WRONG_MS + 2 * PERIOD_MS);
  await until('the recurring ones go on', () => starts(ledger.lines()) >= before + storm + RECURRING);
  const verdict = judge(ledger, together(soon, ahead));
  const figures = recurringFigures(firstStarts(ledger.lines()));
  report('clocks', kind.name, verdict, { ...figures, 'while the clock was back': storm });
  expectSound(verdict, leaseMs / 2);
  // One that was under way may end in a new one, no more.
  expect(storm).toBeLessThanOrEqual(2 * RECURRING);
  expect(figures.folded).toBeGreaterThan((0.9 * RECURRING * WRONG_MS) / PERIOD_MS);
  expect(figures.repeated).toBe(0);
  await step(-WRONG_MS);
}

async function addRecurring({ client }: ClusterBench, endAt: number): Promise<void> {
  for (let at = 0; at < RECURRING; at += 1) {
    const trigger = { type: 'interval', milliseconds: PERIOD_MS, endAt } as const;
    await client.addTask({ id: `every-${at}`, handler: 'work', trigger });
  }
}

const hasEnded = (ended: ReadonlySet<string>, id: string) => [...ended].some((runId) => taskOf(runId) === id);
const starts = (lines: readonly LedgerLine[]) => lines.filter(({ kind }) => kind === 'S').length;
const toldOfSkew = ({ process }: Worker) => process.told.some(({ name }) => name === 'scheduler.clock-skew');

/** The first attempts: of a later one nobody expects that it is on time. */
function firstStarts(lines: readonly LedgerLine[]): LedgerLine[] {
  return lines.filter(({ kind, attempt }) => kind === 'S' && attempt === 1);
}

function recurringFigures(lines: readonly LedgerLine[]) {
  const recurring = lines.filter(({ runId }) => runId.startsWith('every-'));
  return {
    recurring: recurring.length,
    folded: recurring.reduce((sum, { coalesced }) => sum + coalesced, 0),
    repeated: recurring.length - new Set(recurring.map(({ runId }) => runId)).size,
  };
}

/**
 * Neither a storm nor a stall: each time up to the end has a run, or was folded into a later one, or was skipped because the
 * run before was still under way.
 */
async function expectEachTimeOnce({ client, ledger }: ClusterBench, end: number): Promise<void> {
  const started = ledger.lines().filter(({ kind }) => kind === 'S');
  for (let at = 0; at < RECURRING; at += 1) {
    const taskId = `every-${at}`;
    const { runs } = await client.getRuns({ taskId, limit: 1_000 });
    const folded = new Map(runs.map(({ scheduledTime, coalesced }) => [scheduledTime.getTime(), coalesced]));
    for (const { runId, coalesced } of started) {
      if (taskOf(runId) === taskId) folded.set(scheduledTimeOf(runId), coalesced);
    }
    const times = [...folded.keys()].sort((a, b) => a - b);
    const [first, last] = [times[0]!, times.at(-1)!];
    const accounted = times.reduce((sum, time) => sum + 1 + (time === first ? 0 : folded.get(time)!), 0);
    expect(accounted).toBe((last - first) / PERIOD_MS + 1);
    expect(last).toBeGreaterThan(end - 2 * PERIOD_MS);
  }
}
