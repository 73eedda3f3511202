import { afterEach, describe, expect, it } from 'vitest';
import { ClusterBench, pause, report, SCALE, until } from './cluster.bench.js';
import { CLUSTER_STORES } from './cluster.stores.js';
import type { ClusterStoreKind } from './cluster.stores.js';

const PROCESSES = 4;
const RECURRING = 4;

let bench: ClusterBench | null = null;
afterEach(async () => {
  await bench?.close();
  bench = null;
});

describe.each(CLUSTER_STORES.map((kind) => [kind.name, kind] as const))('on %s', (name, kind) => {
  it('loses no run and doubles none that must not be, while processes are killed', { timeout: 300_000 }, async () => {
    bench = await ClusterBench.open(kind);
    const durationMs = Math.max(60_000 * SCALE, 5_000);
    const { once, most } = await addOneShots(kind, bench, durationMs);
    await addRecurring(bench, durationMs);
    const workers = await Promise.all(Array.from({ length: PROCESSES }, () => bench!.start({ workMs: 20 })));
    const kills = await killOneASecond(bench, workers, durationMs);
    await until(
      'all one-shots ended',
      async () => (await bench!.client.inspection.getTaskInfos({ tag: 'once', limit: 1 })).total === 0,
      120_000,
    );
    await Promise.all(workers.map((worker) => worker.stop()));

    const starts = bench.ledger.starts();
    const ended = new Set([...bench.ledger.ended()].map((runId) => runId.slice(0, runId.lastIndexOf('@'))));
    const lost = once.filter((id) => !ended.has(id));
    const doubled = most.filter((id) =>
      [...starts].filter(([runId]) => runId.startsWith(`${id}@`)).some(([, runs]) => runs.length > 1),
    );
    const unordered = [...starts.values()].filter((runs) =>
      runs.some((run, at) => at > 0 && run.token <= runs[at - 1]!.token),
    );
    report('kill', name, {
      expected: once.length + most.length,
      started: starts.size,
      attempts: [...starts.values()].reduce((sum, { length }) => sum + length, 0),
      kills,
      'doubled at-most-once': doubled.length,
      'lost at-least-once': lost.length,
    });
    expect({ lost, doubled, unordered }).toEqual({ lost: [], doubled: [], unordered: [] });
  });
});

/** One-shots due all over the time of the scenario, half of them at-least-once and half at-most-once. */
async function addOneShots(kind: ClusterStoreKind, { client }: ClusterBench, durationMs: number) {
  const total = Math.max(40, Math.round((kind.slow ? 300 : 5_000) * SCALE));
  const now = Date.now();
  const ids = Array.from({ length: total }, (_, index) => `${index % 2 ? 'most' : 'least'}-${index}`);
  for (let start = 0; start < total; start += 50) {
    await Promise.all(
      ids.slice(start, start + 50).map((id, offset) =>
        client.tasks.add({
          id,
          handler: 'work',
          tags: ['once'],
          delivery: id.startsWith('most') ? 'at-most-once' : 'at-least-once',
          trigger: { type: 'date', runAt: now + ((start + offset) / total) * durationMs },
        }),
      ),
    );
  }
  return { once: ids.filter((id) => id.startsWith('least')), most: ids.filter((id) => id.startsWith('most')) };
}

async function addRecurring({ client }: ClusterBench, durationMs: number): Promise<void> {
  for (let index = 0; index < RECURRING; index += 1) {
    await client.tasks.add({
      id: `every-${index}`,
      handler: 'work',
      trigger: { type: 'interval', milliseconds: 500, endAt: Date.now() + durationMs },
    });
  }
}

async function killOneASecond(
  bench: ClusterBench,
  workers: Awaited<ReturnType<ClusterBench['start']>>[],
  durationMs: number,
) {
  let kills = 0;
  for (let elapsed = 0; elapsed < durationMs; elapsed += 1_000) {
    await pause(1_000);
    const victim = Math.floor(Math.random() * workers.length);
    await bench.kill(workers[victim]!);
    workers[victim] = await bench.start({ workMs: 20 });
    kills += 1;
  }
  return kills;
}
