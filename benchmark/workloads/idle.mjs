// What a worker costs that has nothing to do, with 100,000 tasks far ahead.
import { sleep } from '../harness/ledger.mjs';
import { startMeter, watchSqlite } from '../harness/meter.mjs';

/** How long what follows a start may take, in ms. */
const SETTLE_MS = 5_000;

const YEAR_MS = 366 * 86_400_000;

async function run(site, { tasks, seconds }) {
  if (site.place.store === 'sqlite') await watchSqlite();
  const session = await site.adapter.open(site, async () => {});
  try {
    await session.add(tasks, { at: Date.now() + YEAR_MS });
    await session.go();
    await sleep(SETTLE_MS);
    const stop = startMeter(site.server);
    await sleep(seconds * 1_000);
    const { worker, server, trips, bytes } = stop();
    return {
      tripsPerSecond: trips / seconds,
      bytesPerSecond: bytes / seconds,
      workerMs: (worker * 1_000) / seconds,
      serverMs: server === null ? null : (server * 1_000) / seconds,
    };
  } finally {
    await session.close();
  }
}

export const workload = {
  title: 'Idle with far tasks',
  stores: ['memory', 'redis', 'postgres', 'mariadb', 'sqlite', 'files', 'mongodb'],
  systems: ['ours', 'other', 'bullmq', 'pg-boss', 'graphile-worker'],
  cases: ({ tasks: [tasks] = [100_000], isShort }) => [
    { name: `${tasks} far tasks`, tasks, seconds: isShort ? 5 : 60 },
  ],
  columns: {
    tripsPerSecond: 'round trips a second (SQLite: statements)',
    bytesPerSecond: 'bytes a second',
    workerMs: 'worker ms a second',
    serverMs: 'server ms a second',
  },
  mostRounds: 1,
  timeoutMs: 600_000,
  run,
};
