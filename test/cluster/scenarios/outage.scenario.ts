import { expect } from 'vitest';
import { until } from '../cluster.bench.js';
import type { ClusterBench } from '../cluster.bench.js';
import { judge, report } from '../verdict.js';

const TASK = 'every-second';
const DOWNTIME_MS = 3 * 3_600_000;

/** Nobody was there for three hours, in which a task would have run every second. */
export async function outage(bench: ClusterBench): Promise<void> {
  const { client, store, ledger, kind } = bench;
  await client.addTask({ id: TASK, handler: 'work', trigger: { type: 'interval', seconds: 1 } });
  const { committed } = await store.transact({ ids: [TASK] }, (task) => {
    const nextRunTime = task.state.nextRunTime! - DOWNTIME_MS;
    const state = { ...task.state, nextRunTime, nextScheduledTime: nextRunTime };
    return { task: { ...task, state }, history: [], value: nextRunTime };
  });
  const missedFrom = committed[0]!.value;
  await bench.start();
  await until('it has run and gone on', () => ledger.count('E') >= 3);
  await client.pauseTask(TASK);
  await until('it has ended', async () => (await client.getTaskInfo(TASK))!.state === 'paused');
  const [first, ...later] = ledger.lines().filter((line) => line.kind === 'S');
  const { runs } = await client.getRuns({ taskId: TASK });
  const verdict = { ...judge(ledger, { least: [], most: [] }), expected: 1, started: 1, attempts: ledger.count('S') };
  report('outage', kind.name, verdict, { folded: first!.coalesced, 'later runs': later.length });
  // The run is for the latest of the times, and tells of all others.
  const due = Math.floor((first!.wall - missedFrom) / 1_000) + 1;
  expect(Math.abs(first!.coalesced + 1 - due)).toBeLessThan(3);
  expect(first!.coalesced).toBeGreaterThan(DOWNTIME_MS / 1_000 - 2);
  expect(runs.at(-1)).toMatchObject({ status: 'succeeded', attempt: 1, coalesced: first!.coalesced });
  // Then it goes on second by second; a machine that is busy may fold a few.
  expect(Math.max(...later.map(({ coalesced }) => coalesced))).toBeLessThan(60);
}
