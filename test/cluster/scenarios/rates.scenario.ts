import { expect } from 'vitest';
import { SCALE } from '../cluster.bench.js';
import type { ClusterBench } from '../cluster.bench.js';
import type { LedgerLine } from '../ledger.js';
import { addOneShots, together } from '../one-shots.js';
import type { OneShots } from '../one-shots.js';
import { expectSound, judge, report } from '../verdict.js';

const PROCESSES = 3;
const PER_MS = 20_000;

/** How much of the limit is used at the least: what is lost is from the end of one window to the first starts of the next. */
const LEAST_USED = 0.95;

/** The shortest window that there is. What is used of it depends on how long claims take, so it is printed only. */
const SHORT = { max: 20, per: 1_000, windows: 10 };

/**
 * More one-shot tasks than their rate limit allows in several windows, all due at once, and processes that could run all of them:
 * no window of any place has more starts than the limit, and nearly all of it is used. Others have a limit of the shortest
 * window. All processes and all servers have the clock of one machine.
 */
export async function rates(bench: ClusterBench): Promise<void> {
  const windows = SCALE < 1 ? 3 : 5;
  const max = bench.kind.slow ? 10 : 40;
  const rateLimit = { max, per: PER_MS };
  const limited = await addOneShots(bench.client, 'limited', { count: windows * max, overMs: 0, rateLimit });
  const short = bench.kind.slow ? null : await addShort(bench);
  const workers = await bench.startMany(PROCESSES);
  await bench.allEnded();
  const stallMs = Math.max(...(await Promise.all(workers.map(({ process }) => process.stall()))));
  await Promise.all(workers.map((worker) => bench.stop(worker)));
  const starts = bench.ledger.lines().filter(({ kind }) => kind === 'S');
  const long = useOf(starts, 'limited', { max, per: PER_MS, windows });
  const quick = short && useOf(starts, 'short', SHORT);
  const verdict = judge(bench.ledger, short ? together(limited, short) : limited);
  report('rates', bench.kind.name, verdict, {
    limit: `${max} in ${PER_MS} ms`,
    windows,
    'shortest time of one start more, ms': long.shortestMs,
    'used, percent': percent(long.used),
    ...(quick && {
      'short limit': `${SHORT.max} in ${SHORT.per} ms`,
      'its shortest time, ms': quick.shortestMs,
      'of it used, percent': percent(quick.used),
    }),
    'longest stall of a process, ms': Math.round(stallMs),
    'processes that started some': new Set(starts.map(({ file }) => file)).size,
  });
  expectSound(verdict, bench.leaseMs / 2);
  expect(long.shortestMs).toBeGreaterThanOrEqual(PER_MS);
  // The stand-in for MongoDB takes seconds for a claim when others are busy.
  if (!bench.kind.slow) expect(long.used).toBeGreaterThan(LEAST_USED);
  // A start is counted when the scheduler makes it. A process that does not get the processor then notes it later.
  if (quick) expect(quick.shortestMs).toBeGreaterThanOrEqual(Math.floor(SHORT.per - stallMs));
}

function addShort({ client }: ClusterBench): Promise<OneShots> {
  const { max, per, windows } = SHORT;
  return addOneShots(client, 'short', {
    count: windows * max,
    overMs: 0,
    group: 'short',
    groupLimit: 1_000,
    rateLimit: { max, per },
  });
}

/**
 * The shortest time in which there was one start more than a limit allows, and how much of it was used. Each start of the last
 * window is compared with that of the first one: within a window they may lie anywhere.
 */
function useOf(starts: readonly LedgerLine[], prefix: string, { max, per, windows }: typeof SHORT) {
  const own = starts.filter(({ runId }) => runId.startsWith(prefix));
  const times = own.map(({ wall }) => wall).sort((a, b) => a - b);
  const apart = times.slice(max).map((at, index) => at - times[index]!);
  const slots = times.slice(0, max).map((at, index) => times.at(index - max)! - at);
  return {
    shortestMs: Math.min(...apart),
    used: ((windows - 1) * per * max) / slots.reduce((sum, ms) => sum + ms, 0),
  };
}

const percent = (part: number) => Math.round(part * 1_000) / 10;
