import { expect } from 'vitest';
import { TcpProxy } from '../../support/tcp.proxy.js';
import { pause, SCALE, until } from '../cluster.bench.js';
import type { ClusterBench } from '../cluster.bench.js';
import { portOf, through } from '../cluster.stores.js';
import { addOneShots, together } from '../one-shots.js';
import type { OneShots } from '../one-shots.js';
import { expectSound, judge, report } from '../verdict.js';

const PROCESSES = 2;

/** How long the schedulers may take until they work again, in milliseconds. */
const BACK_MS = 15_000;

/** How long a stop waits for runs here, and how much longer it may take, in milliseconds. */
const STOP_MS = 2_000;
const CLOSING_MS = 5_000;

/**
 * The server falls silent for all processes at once, for longer than a lease, and the network forgets their connections: they
 * stay open, and nothing comes through them ever again. At last it is silent while they are stopped.
 */
export async function silent(bench: ClusterBench): Promise<void> {
  const { kind, client, backing, leaseMs, ledger } = bench;
  const proxy = await TcpProxy.start(portOf(kind.server!.url()));
  try {
    const workers = await bench.startMany(PROCESSES, { store: through(proxy.port, backing.store) });
    const rounds = Math.max(1, Math.round(10 * SCALE));
    const parts: OneShots[] = [];
    let longestMs = 0;
    for (let round = 1; round <= rounds; round += 1) {
      const starts = ledger.count('S');
      const plan = { count: kind.slow ? 10 : 60, overMs: 4 * leaseMs, workMs: leaseMs / 4 };
      parts.push(await addOneShots(client, `${round}`, plan));
      await until('runs are being started', () => ledger.count('S') > starts);
      proxy.fallSilent();
      await pause(2 * leaseMs);
      const ends = ledger.count('E');
      proxy.hearAgain();
      const since = performance.now();
      await until('they work again', () => ledger.count('E') > ends, 4 * BACK_MS);
      longestMs = Math.max(longestMs, performance.now() - since);
      await bench.allEnded();
    }
    proxy.fallSilent();
    const since = performance.now();
    await Promise.all(workers.map(({ process }) => process.stop(STOP_MS)));
    const stopMs = performance.now() - since;
    const verdict = judge(ledger, together(...parts));
    const figures = { rounds, 'back after ms': Math.round(longestMs), 'stopped after ms': Math.round(stopMs) };
    report('silent', kind.name, verdict, figures);
    expectSound(verdict, leaseMs / 2);
    expect(longestMs).toBeLessThan(BACK_MS);
    expect(stopMs).toBeLessThan(STOP_MS + CLOSING_MS + 500);
  } finally {
    await proxy.stop();
  }
}
