import { pause, SCALE } from '../cluster.bench.js';
import type { ClusterBench, Worker } from '../cluster.bench.js';
import { addOneShots } from '../one-shots.js';
import { expectSound, judge, report } from '../verdict.js';

const PROCESSES = 4;
const RECURRING = 4;

/** Processes are killed at random, one a second, and replaced. */
export async function kill(bench: ClusterBench): Promise<void> {
  const durationMs = 60_000 * SCALE;
  const count = Math.max(40, (bench.kind.slow ? 300 : 5_000) * SCALE);
  const tasks = await addOneShots(bench.client, 'once', { count, overMs: durationMs, workMs: 20 });
  for (let at = 0; at < RECURRING; at += 1) {
    const trigger = { type: 'interval', milliseconds: 500, endAt: Date.now() + durationMs } as const;
    await bench.client.tasks.add({ id: `every-${at}`, handler: 'work', args: [20], trigger });
  }
  const workers = await bench.startMany(PROCESSES);
  const kills = await killOneASecond(bench, workers, durationMs);
  await bench.allEnded();
  await Promise.all(workers.map((worker) => bench.stop(worker)));
  const verdict = judge(bench.ledger, tasks);
  const recurring = [...bench.ledger.attempts().keys()].filter((runId) => runId.startsWith('every-')).length;
  report('kill', bench.kind.name, verdict, { kills, 'recurring runs': recurring });
  expectSound(verdict, bench.leaseMs / 2);
}

async function killOneASecond(bench: ClusterBench, workers: Worker[], durationMs: number): Promise<number> {
  const start = performance.now();
  for (let kills = 0; ; kills += 1) {
    await pause(start + (kills + 1) * 1_000 - performance.now());
    if (performance.now() - start > durationMs) return kills;
    const victim = Math.floor(Math.random() * workers.length);
    await bench.kill(workers[victim]!);
    workers[victim] = await bench.start();
  }
}
