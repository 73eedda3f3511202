import { expect } from 'vitest';
import { TcpProxy } from '../../support/tcp.proxy.js';
import type { Mark } from '../../support/tcp.proxy.js';
import { pause, SCALE, until } from '../cluster.bench.js';
import type { ClusterBench, Worker } from '../cluster.bench.js';
import { portOf, through } from '../cluster.stores.js';
import { addOneShots, together } from '../one-shots.js';
import type { OneShots } from '../one-shots.js';
import { expectSound, judge, report } from '../verdict.js';

/** One of two processes reaches its server through a proxy that stops forwarding, delays, and drops answers. */
export async function partition(bench: ClusterBench): Promise<void> {
  const { kind, backing, leaseMs, ledger } = bench;
  const proxy = await TcpProxy.start(portOf(kind.server!.url()));
  try {
    const [far, near] = await Promise.all([
      bench.start({ store: through(proxy.port, backing.store), concurrency: 4, handlers: ['work', 'far'] }),
      bench.start({ concurrency: 4 }),
    ]);
    const partsOfIt: OneShots[] = [];
    const rounds = Math.max(1, Math.round(10 * SCALE));
    for (let round = 1; round <= rounds; round += 1) {
      partsOfIt.push(
        await cutOff(bench, proxy, { far, near }, `${round}-silent`),
        await slowDown(bench, proxy, `${round}-slow`),
        await loseAnswers(bench, proxy, `${round}-lost`),
        await holdAnswers(bench, proxy, `${round}-held`),
      );
    }
    await expectRecovered(bench, far, near);
    const verdict = judge(ledger, together(...partsOfIt));
    report('partition', kind.name, verdict, { rounds, fenced: ledger.count('R', far.ledger) });
    expectSound(verdict, leaseMs / 2);
    expect(ledger.count('A', far.ledger)).toBeGreaterThan(0);
  } finally {
    await proxy.stop();
  }
}

/** Nothing gets through for longer than a lease: what the process has under way it aborts by itself. */
async function cutOff(bench: ClusterBench, proxy: TcpProxy, workers: { far: Worker; near: Worker }, name: string) {
  const { client, ledger, leaseMs } = bench;
  const startsOf = ({ ledger: of }: Worker) => ledger.count('S', of);
  const before = { far: startsOf(workers.far), near: startsOf(workers.near) };
  const tasks = await addOneShots(client, name, { count: 8, overMs: 0, workMs: 2 * leaseMs });
  await until('both are at work', () => startsOf(workers.far) > before.far && startsOf(workers.near) > before.near);
  const aborted = ledger.count('A', workers.far.ledger);
  proxy.fallSilent();
  await pause(1.5 * leaseMs);
  await until('the one that is cut off stops working', () => ledger.count('A', workers.far.ledger) > aborted);
  proxy.speakAgain();
  await bench.allEnded();
  return tasks;
}

/** Every packet takes a fiftieth of a lease longer. */
async function slowDown(bench: ClusterBench, proxy: TcpProxy, name: string) {
  const { client, kind, leaseMs } = bench;
  const count = kind.slow ? 4 : 20;
  proxy.delay(leaseMs / 50);
  const tasks = await addOneShots(client, name, { count, overMs: leaseMs, workMs: 20 });
  await bench.allEnded();
  proxy.delay(0);
  return tasks;
}

/** The server carries a claim out, or a part of it, and the connection breaks before the answer. */
function loseAnswers(bench: ClusterBench, proxy: TcpProxy, name: string): Promise<OneShots> {
  return spoilClaims(bench, proxy, name, (mark) => proxy.dropAnswerTo(mark));
}

/** The answer to a claim comes when its lease is over. */
function holdAnswers(bench: ClusterBench, proxy: TcpProxy, name: string): Promise<OneShots> {
  return spoilClaims(bench, proxy, name, (mark) => proxy.holdAnswerTo(mark, 1.5 * bench.leaseMs));
}

/** Some of the tasks only the process behind the proxy can run, so that it has to claim, however fast the other one is. */
async function spoilClaims(bench: ClusterBench, proxy: TcpProxy, name: string, spoil: (mark: Mark) => void) {
  const parts: OneShots[] = [];
  for (const [at, mark] of bench.kind.server!.claimMarks.entries()) {
    spoil(mark);
    let isCaught = false;
    void proxy.caught().then(() => (isCaught = true));
    const plan = { count: 4, overMs: 0, workMs: 20 };
    parts.push(await addOneShots(bench.client, `${name}-${at}-any`, plan));
    parts.push(await addOneShots(bench.client, `${name}-${at}-own`, { ...plan, handler: 'far' }));
    await until(`a request with "${mark}" passes`, () => isCaught);
    await bench.allEnded();
  }
  return together(...parts);
}

/** The process that was cut off works again: it is alone now. */
async function expectRecovered(bench: ClusterBench, far: Worker, near: Worker): Promise<void> {
  await bench.stop(near);
  const before = bench.ledger.count('E', far.ledger);
  await bench.client.addTask({ handler: 'work' });
  await until('it works again', () => bench.ledger.count('E', far.ledger) > before);
}
