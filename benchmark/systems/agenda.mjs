// Agenda with its own backends. It has no addition of many at once, and no batches. What its README has for throughput is its
// limits, which are lifted (`maxConcurrency`, `defaultConcurrency`, `lockLimit`), a short `processEvery`, and the notifications of
// the backends of PostgreSQL and Redis, which are on. A job that has ended stays as a record.
import { inFlight, timeOf } from './in-flight.mjs';

const BACKENDS = {
  redis: async ({ url, name }) => {
    const { RedisBackend } = await import('@agendajs/redis-backend');
    return new RedisBackend({ connectionString: url, keyPrefix: `${name}:`, channelName: `${name}:notifications` });
  },
  postgres: async ({ url }) => {
    const { PostgresBackend } = await import('@agendajs/postgres-backend');
    return new PostgresBackend({ poolConfig: { connectionString: url, max: 20 } });
  },
  mongodb: async ({ url }) => {
    const { MongoBackend } = await import('@agendajs/mongo-backend');
    return new MongoBackend({ address: url });
  },
};

async function open({ place, settings }, handler) {
  const { Agenda } = await import('agenda');
  const limits = {
    maxConcurrency: settings.workers,
    defaultConcurrency: settings.workers,
    lockLimit: 0,
    defaultLockLimit: 0,
  };
  const agenda = new Agenda({
    backend: await BACKENDS[place.store](place),
    processEvery: settings.processEveryMs,
    ...limits,
  });
  agenda.on('error', (error) => console.error(error.message));
  await agenda.ready;
  if (handler) {
    // A recurring job is planned again before it runs, so the time it is for is not known: it is the second that has begun.
    const secondOf = (time) => Math.floor(time / 1_000) * 1_000;
    /** It awaits what a job returns, which its types say of one of two kinds of functions only. */
    const define = (name, work) => agenda.define(name, /** @type {any} */ (work));
    define('work', async (job) => handler(job.attrs.data.id));
    for (let id = 0; id < (settings.schedules ?? 0); id += 1)
      define(`each-second-${id}`, async () => handler(id, secondOf(Date.now())));
  }
  const waiting = async () => {
    const overview = await agenda.getJobsOverview();
    return overview.reduce(
      (sum, { running, scheduled, queued, repeating }) => sum + running + scheduled + queued + repeating,
      0,
    );
  };
  const add = (id, time) =>
    time === undefined ? agenda.now('work', { id }) : agenda.schedule(new Date(time), 'work', { id });
  return {
    addOne: (id) => add(id),
    add: (count, { from = 0, at } = {}) => inFlight(count, (id) => add(id, timeOf(at, id)), { from }),
    schedule: (count) => inFlight(count, (id) => agenda.every('* * * * * *', `each-second-${id}`)),
    go: () => agenda.start(),
    left: waiting,
    kept: async () => null,
    close: () => agenda.stop(true),
  };
}

export const adapter = {
  packages: ['agenda'],
  settings: { workers: 1_000, processEveryMs: 100 },
  most: 1_000,
  guessesTimes: true,
  describe: ({ workers, processEveryMs }) =>
    `maxConcurrency and defaultConcurrency ${workers}, no lock limit, processEvery ${processEveryMs} ms`,
  open,
};
