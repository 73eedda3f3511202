import { expect } from 'vitest';
import { SCALE } from '../cluster.bench.js';
import type { ClusterBench } from '../cluster.bench.js';
import { addOneShots } from '../one-shots.js';
import { expectSound, judge, report } from '../verdict.js';

const PROCESSES = 3;
const PER_MS = 20_000;

/** How much of the limit is used at the least: what is lost is from the end of one window to the first starts of the next. */
const LEAST_USED = 0.95;

/**
 * More one-shot tasks than their rate limit allows in several windows, all due at once, and processes that could run all of them:
 * no window of any place has more starts than the limit, and nearly all of it is used. All processes and all servers have the
 * clock of one machine.
 */
export async function rates(bench: ClusterBench): Promise<void> {
  const windows = SCALE < 1 ? 3 : 5;
  const max = bench.kind.slow ? 10 : 40;
  const rateLimit = { max, per: PER_MS };
  const limited = await addOneShots(bench.client, 'limited', { count: windows * max, overMs: 0, rateLimit });
  const workers = await bench.startMany(PROCESSES);
  await bench.allEnded();
  await Promise.all(workers.map((worker) => bench.stop(worker)));
  const starts = bench.ledger.lines().filter(({ kind }) => kind === 'S');
  const times = starts.map(({ wall }) => wall).sort((a, b) => a - b);
  const apart = times.slice(max).map((at, index) => at - times[index]!);
  // Each start of the last window is compared with that of the first one: within a window they may lie anywhere.
  const slots = times.slice(0, max).map((at, index) => times.at(index - max)! - at);
  const used = ((windows - 1) * PER_MS * max) / slots.reduce((sum, ms) => sum + ms, 0);
  const verdict = judge(bench.ledger, limited);
  report('rates', bench.kind.name, verdict, {
    limit: `${max} in ${PER_MS} ms`,
    windows,
    'shortest time of one start more, ms': Math.min(...apart),
    'used, percent': Math.round(used * 1_000) / 10,
    'processes that started some': new Set(starts.map(({ file }) => file)).size,
  });
  expectSound(verdict, bench.leaseMs / 2);
  expect(Math.min(...apart)).toBeGreaterThanOrEqual(PER_MS);
  // The stand-in for MongoDB takes seconds for a claim when others are busy.
  if (!bench.kind.slow) expect(used).toBeGreaterThan(LEAST_USED);
}
