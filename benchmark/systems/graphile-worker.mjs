// graphile-worker: the configuration of its own figures, https://worker.graphile.org/docs/performance: 24 jobs at a time, a local
// queue of 500, and ends in batches. It keeps no history.
import { slices } from '../harness/ledger.mjs';
import { timeOf } from './in-flight.mjs';

/** How many jobs one call adds. */
const ADD_SIZE = 1_000;

/** Connects all clients of a pool: the others connect before they are measured, too. */
async function connectAll(pool, size) {
  const clients = await Promise.all(Array.from({ length: size }, () => pool.connect()));
  for (const client of clients) client.release();
}

async function open({ place, settings, job }, handler) {
  const { Logger, makeWorkerUtils, run } = await import('graphile-worker');
  const { default: pg } = await import('pg');
  const logger = new Logger(() => () => {});
  const utils = await makeWorkerUtils({ connectionString: place.url, logger });
  await utils.migrate();
  const size = handler ? settings.workers + 1 : 1;
  const pool = new pg.Pool({ connectionString: place.url, max: size, idleTimeoutMillis: 0 });
  pool.on('error', (error) => console.error(error.message));
  await connectAll(pool, size);
  // Batches let a single job wait, so they are left out where waking up is measured.
  const batches =
    job.workload === 'wake-up'
      ? {}
      : { localQueue: { size: settings.localQueue }, completeJobBatchDelay: 0, failJobBatchDelay: 0 };
  let runner = null;
  return {
    addOne: (id) => utils.addJob('work', { id }),
    async add(count, { from = 0, at } = {}) {
      const jobOf = (id, time) => ({
        identifier: 'work',
        payload: { id },
        ...(time !== undefined && { runAt: new Date(time) }),
      });
      for (const ids of slices(count, ADD_SIZE, from)) await utils.addJobs(ids.map((id) => jobOf(id, timeOf(at, id))));
    },
    async go() {
      runner = await run({
        logger,
        pgPool: pool,
        noHandleSignals: true,
        taskList: { work: async ({ id }) => handler(id) },
        preset: {
          worker: {
            concurrentJobs: settings.workers,
            logger,
            ...batches,
          },
        },
      });
    },
    left: async () => (await pool.query('SELECT 1 FROM graphile_worker._private_jobs LIMIT 1')).rows.length,
    kept: async () => null,
    async close() {
      await runner?.stop();
      await utils.release();
      await pool.end();
    },
  };
}

export const adapter = {
  packages: ['graphile-worker', 'pg'],
  settings: { workers: 24, localQueue: 500 },
  describe: ({ workers, localQueue }) =>
    `concurrentJobs ${workers}, localQueue ${localQueue}, completeJobBatchDelay 0 (without them for the wake-up), no history`,
  open,
};
