import { FailedRun } from './ledger.mjs';
import { startMeter } from './meter.mjs';

/** Measures what adds tasks, and checks that they are in the store. */
export async function addAndCheck({ adapter, server, ...site }, count, work) {
  // In memory there is no client beside the worker.
  const session = await adapter.open(
    { ...site, adapter, server },
    site.place.store === 'memory' ? async () => {} : undefined,
  );
  try {
    globalThis.gc?.();
    const stop = startMeter(server);
    await work(session);
    const { seconds, worker, server: serverSeconds, trips, bytes } = stop();
    const stored = await session.left();
    // Some only say that there are any.
    if (stored !== count && stored !== 1) throw new FailedRun(`${stored} of ${count} tasks are in the store`);
    return {
      perSecond: count / seconds,
      workerUs: (worker / count) * 1e6,
      serverUs: serverSeconds === null ? null : (serverSeconds / count) * 1e6,
      ...(server !== null && { tripsPer1000: (trips / count) * 1_000, bytes: bytes / count }),
    };
  } finally {
    await session.close();
  }
}
