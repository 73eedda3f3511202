import { pause, SCALE } from '../cluster.bench.js';
import type { ClusterBench, Worker } from '../cluster.bench.js';
import { addOneShots, together } from '../one-shots.js';
import type { OneShots } from '../one-shots.js';
import { expectSound, judge, report } from '../verdict.js';

const PROCESSES = 4;
const RECURRING = 4;

/**
 * The MongoDB stand-in reads all tasks for each question, 0.3 ms each, so there those of each second are added when it
 * begins, in milliseconds.
 */
const PART_MS = 1_000;

/** How many processes are ready to take the place of one that is killed. */
const RESERVE = 6;

/** Processes are killed at random, one a second, and replaced. */
export async function kill(bench: ClusterBench): Promise<void> {
  const durationMs = 60_000 * SCALE;
  const count = Math.max(40, (bench.kind.slow ? 300 : 5_000) * SCALE);
  await bench.pool.prepare(PROCESSES + RESERVE);
  const parts = bench.kind.slow ? Math.ceil(durationMs / PART_MS) : 1;
  const plan = { count: Math.ceil(count / parts), overMs: durationMs / parts, workMs: 20 };
  const add = (part: number) => addOneShots(bench.client, `once-${part}`, plan);
  const first = await add(0);
  for (let at = 0; at < RECURRING; at += 1) {
    const trigger = { type: 'interval', milliseconds: 500, endAt: Date.now() + durationMs } as const;
    await bench.client.addTask({ id: `every-${at}`, handler: 'work', args: [20], trigger });
  }
  const workers = await bench.startMany(PROCESSES);
  const kills = Math.ceil(durationMs / 1_000) - 1;
  const [later] = await Promise.all([addOverTime(add, parts), killOneASecond(bench, workers, kills)]);
  await bench.allEnded();
  await Promise.all(workers.map((worker) => bench.stop(worker)));
  const verdict = judge(bench.ledger, together(first, ...later));
  const recurring = [...bench.ledger.attempts().keys()].filter((runId) => runId.startsWith('every-')).length;
  report('kill', bench.kind.name, verdict, { kills, 'recurring runs': recurring });
  expectSound(verdict, bench.leaseMs / 2);
}

/** Adds the second part and the further ones, each when it begins to come due. */
async function addOverTime(add: (part: number) => Promise<OneShots>, parts: number): Promise<OneShots[]> {
  const start = performance.now();
  const added: OneShots[] = [];
  for (let part = 1; part < parts; part += 1) {
    await pause(start + part * PART_MS - performance.now());
    added.push(await add(part));
  }
  return added;
}

/** One is killed each second at the most; on a busy machine it takes longer to replace it. */
async function killOneASecond(bench: ClusterBench, workers: Worker[], kills: number): Promise<void> {
  const start = performance.now();
  for (let kill = 1; kill <= kills; kill += 1) {
    await pause(start + kill * 1_000 - performance.now());
    const victim = Math.floor(Math.random() * workers.length);
    await bench.kill(workers[victim]!);
    workers[victim] = await bench.start();
  }
}
