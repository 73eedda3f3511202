// BullMQ: bulk additions, one worker with a high concurrency (https://docs.bullmq.io/guide/parallelism-and-concurrency), and
// completed jobs removed at once or all kept. On PostgreSQL by its own backend.
import { slices } from '../harness/ledger.mjs';
import { timeOf } from './in-flight.mjs';

/** How many jobs one call adds. */
const ADD_SIZE = 1_000;

const toRedis = ({ url, name }) => {
  const { hostname: host, port } = new URL(url);
  return { connection: { host, port: Number(port) || 6379, maxRetriesPerRequest: null }, prefix: name };
};

const toPostgres = ({ url }) => ({ connection: { connectionString: url, schema: 'bullmq', migrate: true, max: 20 } });

function open(optionsOf, factoryOf) {
  return async ({ place, settings }, handler) => {
    const bullmq = await import('bullmq');
    const factory = factoryOf(bullmq);
    const options = optionsOf(place);
    const silent = (error) => console.error(error.message);
    const keep = { removeOnComplete: !settings.keep };
    const queue = new bullmq.Queue('work', { ...options, defaultJobOptions: keep }, factory);
    queue.on('error', silent);
    await queue.waitUntilReady();
    let worker = null;
    if (handler) {
      // The time that a job of a schedule is for is the last part of its id.
      const scheduledTime = ({ repeatJobKey, id }) =>
        repeatJobKey ? Number(id.slice(id.lastIndexOf(':') + 1)) : undefined;
      const work = async (job) => handler(job.data.id, scheduledTime(job));
      worker = new bullmq.Worker('work', work, { ...options, concurrency: settings.workers, autorun: false }, factory);
      worker.on('error', silent);
      await worker.waitUntilReady();
    }
    const optionsAt = (time) => (time === undefined ? undefined : { delay: Math.max(0, time - Date.now()) });
    return {
      addOne: (id) => queue.add('work', { id }),
      async add(count, { from = 0, at } = {}) {
        for (const ids of slices(count, ADD_SIZE, from))
          await queue.addBulk(ids.map((id) => ({ name: 'work', data: { id }, opts: optionsAt(timeOf(at, id)) })));
      },
      async schedule(count) {
        for (let id = 0; id < count; id += 1)
          await queue.upsertJobScheduler(
            `each-second-${id}`,
            { every: 1_000 },
            { name: 'work', data: { id }, opts: keep },
          );
      },
      go: () => void worker.run().catch(silent),
      async left() {
        const counts = await queue.getJobCounts('wait', 'active', 'delayed', 'prioritized');
        return Object.values(counts).reduce((sum, count) => sum + count, 0);
      },
      kept: async () => (settings.keep ? (await queue.getJobCounts('completed')).completed : null),
      async close() {
        await worker?.close();
        await queue.close();
      },
    };
  };
}

const describe = ({ workers, keep }) =>
  `concurrency ${workers}, addBulk of ${ADD_SIZE}, completed jobs ${keep ? 'kept' : 'removed'}`;

/** The concurrency with the least processor time a job, of 50, 100, 300 and 1,000. */
const WORKERS = 100;

export const adapter = {
  packages: ['bullmq', 'ioredis'],
  settings: { workers: WORKERS, keep: false },
  describe,
  open: open(toRedis, () => undefined),
};

export const postgresAdapter = {
  packages: ['bullmq', 'pg'],
  settings: { workers: WORKERS, keep: false },
  describe,
  most: 5_000,
  open: open(toPostgres, ({ createPostgresBackend }) => createPostgresBackend),
};
