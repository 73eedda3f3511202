// Sidequest with its own backends, in this process and without threads, which is what it has of the least cost
// (https://docs.sidequestjs.com/production/execution-modes). It adds one by one, and keeps what has ended.
import { join } from 'node:path';
import { inFlight, timeOf } from './in-flight.mjs';

const BACKENDS = {
  sqlite: ({ folder }) => ({ driver: '@sidequest/sqlite-backend', config: join(folder, 'sidequest.sqlite') }),
  postgres: ({ url }) => ({ driver: '@sidequest/postgres-backend', config: url }),
  mariadb: ({ url }) => ({ driver: '@sidequest/mysql-backend', config: url }),
  mongodb: ({ url }) => ({ driver: '@sidequest/mongo-backend', config: url }),
};

async function open({ place, settings }, handler) {
  const { Sidequest } = await import('sidequest');
  const { handlers, Work } = await import('./sidequest.job.mjs');
  const { workers, pollMs } = settings;
  const options = {
    backend: BACKENDS[place.store](place),
    queues: [{ name: 'default', concurrency: workers }],
    maxConcurrentJobs: workers,
    jobPollingInterval: pollMs,
    fork: false,
    runner: 'inline',
    gracefulShutdown: false,
    dashboard: { enabled: false },
    logger: { level: 'error' },
  };
  await Sidequest.configure(options);
  if (handler) handlers.work = async (id) => handler(id);
  const build = (time) => {
    const builder = Sidequest.build(Work);
    return time === undefined ? builder : builder.availableAt(new Date(time));
  };
  return {
    addOne: (id) => build().enqueue(id),
    add: (count, { from = 0, at } = {}) => inFlight(count, (id) => build(timeOf(at, id)).enqueue(id), { from }),
    go: () => Sidequest.start(options),
    async left() {
      const { waiting, claimed, running } = await Sidequest.job.count();
      return waiting + claimed + running;
    },
    kept: async () => (await Sidequest.job.count()).completed,
    close: () => Sidequest.stop(),
  };
}

export const adapter = {
  packages: ['sidequest'],
  settings: { workers: 1_000, pollMs: 10 },
  most: 1_000,
  describe: ({ workers, pollMs }) =>
    `maxConcurrentJobs ${workers}, inline, no fork, jobPollingInterval ${pollMs} ms, completed jobs kept`,
  open,
};
