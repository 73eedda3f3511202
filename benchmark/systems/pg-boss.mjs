// pg-boss: batches of 1,000, fetched again at once while they are full ("burstWhenBatchFull"), two workers, as its types and
// https://pgboss.io/api/workers say. It is notified only where waking up is measured, since each notification costs.
import { slices } from '../harness/ledger.mjs';
import { timeOf } from './in-flight.mjs';

const QUEUE = 'work';

async function open({ place, settings, job }, handler) {
  const { PgBoss } = await import('pg-boss');
  const { default: pg } = await import('pg');
  const notify = job.workload === 'wake-up';
  const boss = new PgBoss({
    connectionString: place.url,
    max: 10,
    supervise: false,
    schedule: false,
    useListenNotify: notify,
  });
  boss.on('error', (error) => console.error(error.message));
  await boss.start();
  await boss.createQueue(QUEUE, { notify });
  const pool = new pg.Pool({ connectionString: place.url, max: 1 });
  const jobOf = (id, time) => ({ data: { id }, ...(time !== undefined && { startAfter: new Date(time) }) });
  const states = (condition) =>
    `SELECT count(*)::int AS count FROM (SELECT 1 FROM pgboss.job WHERE name = '${QUEUE}' AND ${condition}) found`;
  return {
    addOne: (id) => boss.send(QUEUE, { id }),
    async add(count, { from = 0, at } = {}) {
      for (const ids of slices(count, settings.batchSize, from))
        await boss.insert(
          QUEUE,
          ids.map((id) => jobOf(id, timeOf(at, id))),
        );
    },
    async go() {
      const { batchSize, workers: localConcurrency } = settings;
      await boss.work(
        QUEUE,
        { batchSize, localConcurrency, burstWhenBatchFull: true, pollingIntervalSeconds: 0.5 },
        async (jobs) => {
          for (const { data } of jobs) await handler(data.id);
        },
      );
    },
    left: async () => (await pool.query(states("state < 'completed' LIMIT 1"))).rows[0].count,
    kept: async () => (await pool.query(states("state = 'completed'"))).rows[0].count,
    async close() {
      await boss.stop({ graceful: false });
      await pool.end();
    },
  };
}

export const adapter = {
  packages: ['pg-boss', 'pg'],
  settings: { batchSize: 1_000, workers: 2 },
  describe: ({ batchSize, workers }) =>
    `batchSize ${batchSize}, localConcurrency ${workers}, burstWhenBatchFull, completed jobs kept`,
  open,
};
