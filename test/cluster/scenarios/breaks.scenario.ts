import { expect } from 'vitest';
import { TcpProxy } from '../../support/tcp.proxy.js';
import { pause, SCALE } from '../cluster.bench.js';
import type { ClusterBench } from '../cluster.bench.js';
import { portOf, through } from '../cluster.stores.js';
import { addOneShots } from '../one-shots.js';
import { expectSound, judge, report } from '../verdict.js';

const PROCESSES = 2;

/** How many bytes a connection carries at the most until it breaks: some dozens of statements. */
const BREAK_BYTES = 50_000;

/** A claim whose answer breaks off is a lost attempt that never began, and here the same ones break off again and again. */
const MAX_LOST = 1_000;

/** Connections break all the time, in the middle of whatever goes through. The processes survive it, and lose nothing. */
export async function breaks(bench: ClusterBench): Promise<void> {
  const { backing, client, kind, leaseMs, ledger } = bench;
  const durationMs = 60_000 * SCALE;
  const proxy = await TcpProxy.start(portOf(kind.server!.url()));
  try {
    await bench.startMany(PROCESSES, { store: through(proxy.port, backing.store) });
    const count = Math.max(20, (kind.slow ? 200 : 3_000) * SCALE);
    const tasks = await addOneShots(client, 'once', { count, overMs: durationMs, workMs: 20, maxLost: MAX_LOST });
    proxy.breakAfter(BREAK_BYTES);
    await pause(durationMs);
    proxy.breakAfter(Infinity);
    await bench.allEnded();
    const verdict = judge(ledger, tasks);
    const { runs } = await client.getRuns({ status: 'lost', limit: 1_000 });
    report('breaks', kind.name, verdict, {
      broken: proxy.broken,
      fenced: ledger.count('R'),
      'recorded as lost': runs.length,
    });
    expectSound(verdict, leaseMs / 2);
    expect(proxy.broken).toBeGreaterThan(0);
  } finally {
    await proxy.stop();
  }
}
