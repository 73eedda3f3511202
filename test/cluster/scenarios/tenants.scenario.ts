import { expect } from 'vitest';
import { pause, SCALE, until } from '../cluster.bench.js';
import type { ClusterBench } from '../cluster.bench.js';
import { taskOf } from '../ledger.js';
import type { LedgerLine } from '../ledger.js';

const PROCESSES = 3;

/** How many runs a process has at a time, and how long each takes: far fewer start in the time of the scenario than wait. */
const CONCURRENCY = 4;
const WORK_MS = 50;

/** For each process what it has claimed already, its next claim, and one more that a busy machine may have begun before. */
const MOST_AHEAD = 3 * PROCESSES * CONCURRENCY;

/** How many other tenants there are, one task each. */
const OTHERS = 5;

/** How long after another the others add theirs, in milliseconds. */
const APART_MS = 100;

/** How many tasks one call adds. */
const BATCH = 1_000;

/**
 * One tenant of a group has thousands of tasks that are due, and others add one each while three processes are at work: the task
 * of another waits for a claim or two of each process, and not for what was due before it.
 */
export async function tenants(bench: ClusterBench): Promise<void> {
  const count = SCALE < 1 ? 600 : 10_000;
  const group = { handler: 'work', group: 'exports', groupLimit: 1_000, limitKey: 'args.1' };
  const due = { type: 'date' as const, runAt: Date.now() };
  for (let first = 0; first < count; first += BATCH) {
    const ids = Array.from({ length: Math.min(BATCH, count - first) }, (_, at) => `large-${first + at}`);
    await bench.client.addTasks(ids.map((id) => ({ ...group, id, args: [WORK_MS, 'large'], trigger: due })));
  }
  const workers = await bench.startMany(PROCESSES, { concurrency: CONCURRENCY });
  await until('each process has something to do', () =>
    workers.every(({ ledger }) => bench.ledger.count('S', ledger) > 0),
  );
  const added = new Map<string, number>();
  for (let at = 0; at < OTHERS; at += 1) {
    const id = `small-${at}`;
    await bench.client.addTask({ ...group, id, args: [WORK_MS, id], trigger: due });
    added.set(id, monotonicMs());
    await pause(APART_MS);
  }
  const smallOnes = () => bench.ledger.lines().filter((line) => isStart(line) && added.has(taskOf(line.runId)));
  await until('each of the others has started', () => smallOnes().length === OTHERS);
  const starts = bench.ledger.lines().filter(isStart);
  const waiting = count - starts.filter(({ runId }) => runId.startsWith('large')).length;
  const ahead = smallOnes().map(({ runId, at }) => {
    const since = added.get(taskOf(runId))!;
    return { ms: at - since, starts: starts.filter((other) => other.at > since && other.at < at).length };
  });
  // What is left of the large one is not waited for: it goes with the store.
  await Promise.all(workers.map((worker) => bench.stop(worker)));
  const most = Math.max(...ahead.map((one) => one.starts));
  const longest = Math.round(Math.max(...ahead.map(({ ms }) => ms)));
  const figures = `${count} tasks of one, ${waiting} of them waited at the end; before one of another started most ${most}, ${longest} ms`;
  console.log(`${'tenants'.padEnd(9)} ${bench.kind.name.padEnd(10)} ${figures}`);
  expect(waiting, 'tasks that another one would have waited for').toBeGreaterThan(MOST_AHEAD * 2);
  expect(most, 'tasks that were started before that of another').toBeLessThanOrEqual(MOST_AHEAD);
}

const isStart = ({ kind }: LedgerLine) => kind === 'S';

/** On the clock of the ledger, in milliseconds. */
function monotonicMs(): number {
  return Number(process.hrtime.bigint() / 1_000n) / 1_000;
}
