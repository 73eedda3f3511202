import { SCALE, until } from '../cluster.bench.js';
import type { ClusterBench } from '../cluster.bench.js';
import { addOneShots, together } from '../one-shots.js';
import type { OneShots } from '../one-shots.js';
import type { OwnServer } from '../server.troubles.js';
import { expectSound, judge, report } from '../verdict.js';

const PROCESSES = 2;

/** The server restarts, or drops its connections, in the middle of claims and of ends of runs. */
export async function restart(bench: ClusterBench, { troubles }: OwnServer): Promise<void> {
  const { client, kind, leaseMs, ledger } = bench;
  const rounds = Math.max(1, Math.round(10 * SCALE));
  const workers = await bench.startMany(PROCESSES);
  const parts: OneShots[] = [];
  for (const name of Array.from({ length: rounds }, () => Object.keys(troubles)).flat()) {
    const before = ledger.count('S');
    const plan = { count: kind.slow ? 10 : 100, overMs: 2 * leaseMs, workMs: 20 };
    parts.push(await addOneShots(client, `${parts.length}`, plan));
    await until('runs are being started', () => ledger.count('S') > before);
    await troubles[name]!();
    await bench.allEnded();
  }
  const verdict = judge(ledger, together(...parts));
  const told = (event: string) =>
    workers.flatMap(({ process }) => process.told.filter(({ name }) => name === event)).length;
  await until('all is well again', () => told('store.recovered') === told('store.failed'));
  report('restart', kind.name, verdict, {
    ...Object.fromEntries(Object.keys(troubles).map((name) => [name, rounds])),
    'failures told': told('store.failed'),
  });
  expectSound(verdict, leaseMs / 2);
}
