import { expect } from 'vitest';
import { pause, SCALE } from '../cluster.bench.js';
import type { ClusterBench } from '../cluster.bench.js';
import { taskOf } from '../ledger.js';
import type { Attempt, Ledger } from '../ledger.js';
import { addOneShots, together } from '../one-shots.js';
import { expectSound, judge, report } from '../verdict.js';

const PROCESSES = 3;
const LIMIT = 3;
const WORK_MS = 60;

const KEYS = ['acme', 'emca', 'meac'];
const KEY_LIMIT = 2;

/**
 * One-shot tasks of a group, some that have a limit by key, and some of neither, all due at once, while processes are killed: of
 * the group and of each key no more than the limit are under way, and the others do not wait for them.
 */
export async function groups(bench: ClusterBench): Promise<void> {
  const count = Math.max(20, (bench.kind.slow ? 60 : 1_000) * SCALE);
  const of = { count, overMs: 0, workMs: WORK_MS };
  const limited = await addOneShots(bench.client, 'limited', { ...of, group: 'erp', groupLimit: LIMIT });
  const keyed = await addOneShots(bench.client, 'keyed', { ...of, keys: KEYS, keyLimit: KEY_LIMIT });
  const free = await addOneShots(bench.client, 'free', of);
  const workers = await bench.startMany(PROCESSES);
  const kills = Math.max(1, Math.round(10 * SCALE));
  for (let at = 0; at < kills; at += 1) {
    await pause(bench.leaseMs);
    await bench.kill(workers[at % PROCESSES]!);
    workers[at % PROCESSES] = await bench.start();
  }
  await bench.allEnded();
  await Promise.all(workers.map((worker) => bench.stop(worker)));
  const most = mostAtOnce(bench.ledger, (taskId) => taskId.startsWith('limited'), bench.leaseMs);
  const keyOf = (runId: string) => KEYS[Number(taskOf(runId).split('-').at(-1)) % KEYS.length]!;
  const isOfKey = (key: string) => (runId: string) => runId.startsWith('keyed') && keyOf(runId) === key;
  const mostOfKeys = KEYS.map((key) => mostAtOnce(bench.ledger, isOfKey(key), bench.leaseMs));
  const isOf = (prefix: string) => (runId: string) => runId.startsWith(prefix);
  const ends = (prefix: string) => lastStart(bench.ledger, isOf(prefix));
  const verdict = judge(bench.ledger, together(limited, keyed, free));
  report('groups', bench.kind.name, verdict, {
    kills,
    limit: LIMIT,
    'most at once': most,
    'limit of a key': KEY_LIMIT,
    'most at once of each key': mostOfKeys.join(' '),
    'of all keys': mostAtOnce(bench.ledger, isOf('keyed'), bench.leaseMs),
    'free ones before the last limited one, ms': Math.round(ends('limited') - ends('free')),
  });
  expectSound(verdict, bench.leaseMs / 2);
  expect(most).toBe(LIMIT);
  expect(Math.max(...mostOfKeys)).toBeLessThanOrEqual(KEY_LIMIT);
  // The stand-in for MongoDB takes longer for a claim than a run does.
  if (!bench.kind.slow) expect(Math.min(...mostOfKeys)).toBe(KEY_LIMIT);
  expect(ends('free')).toBeLessThan(ends('limited'));
}

/** The largest number of runs under way at the same time. One whose process died holds its slot until the lease is over. */
function mostAtOnce(ledger: Ledger, isMeant: (runId: string) => boolean, leaseMs: number): number {
  const attempts = [...ledger.attempts()].flatMap(([runId, of]) => (isMeant(runId) ? of : []));
  const overOf = ({ over, start }: Attempt) => (Number.isFinite(over) ? over : start.at + Math.min(WORK_MS, leaseMs));
  const changes = attempts.flatMap((attempt) => [
    { at: attempt.start.at, by: 1 },
    { at: overOf(attempt), by: -1 },
  ]);
  let now = 0;
  let most = 0;
  for (const { by } of changes.sort((a, b) => a.at - b.at || a.by - b.by)) most = Math.max(most, (now += by));
  return most;
}

function lastStart(ledger: Ledger, isMeant: (runId: string) => boolean): number {
  return Math.max(...ledger.lines().flatMap(({ kind, runId, at }) => (kind === 'S' && isMeant(runId) ? at : [])));
}
