// The library, by its public API only.
import { join } from 'node:path';
import { importEntry } from '../harness/library.mjs';
import { slices } from '../harness/ledger.mjs';
import { timeOf } from './in-flight.mjs';

/** How many tasks one call adds; the library makes batches of them. */
const ADD_SIZE = 10_000;

/** How many ended runs the store in memory keeps at the most. */
const MEMORY_HISTORY = 10_000;

async function sqlStore(library, { name }, database) {
  const { TypeormStore } = await importEntry(library, './typeorm');
  return new TypeormStore({ database, tableName: name });
}

const STORES = {
  memory: async (library) => {
    const { MemoryStore } = await importEntry(library, '.');
    return new MemoryStore();
  },
  files: async (library, { folder }) => {
    const { FileStore } = await importEntry(library, '.');
    return new FileStore({ directory: join(folder, 'tasks') });
  },
  sqlite: (library, place) => sqlStore(library, place, `sqlite:${join(place.folder, 'tasks.db')}`),
  postgres: (library, place) => sqlStore(library, place, place.url),
  mariadb: (library, place) => sqlStore(library, place, place.url),
  redis: async (library, { url, name }) => {
    const { RedisStore } = await importEntry(library, './redis');
    return new RedisStore({ url, tasksKey: `${name}.tasks`, runTimesKey: `${name}.times` });
  },
  mongodb: async (library, { url }) => {
    const { MongooseStore } = await importEntry(library, './mongoose');
    return new MongooseStore({ url });
  },
};

/** A store of the build, on the data of a run. */
export const openStore = (library, place) => STORES[place.store](library, place);

async function open(site, handler) {
  const { library, place, settings } = site;
  const { AsyncExecutor, Scheduler } = await importEntry(library, '.');
  const { history, concurrency } = settings;
  const store = await openStore(library, place);
  const scheduler = new Scheduler({
    stores: { default: store },
    executors: { default: new AsyncExecutor({ concurrency }) },
    startPaused: true,
    role: handler || place.store === 'memory' ? 'worker' : 'client',
    // Nothing is pruned meanwhile, or a history would not be whole.
    retention: { count: null },
    ...(history !== 'all' && { taskDefaults: { history } }),
  });
  // Asynchronous, as those of the peers have to be; times are read only where the workload is about them.
  const work =
    handler?.length > 1
      ? async ([id], { scheduledTime, coalesced }) => handler(id, scheduledTime.getTime(), coalesced)
      : async ([id]) => handler(id);
  scheduler.registerHandler('work', work);
  // Of what is only there, so that it is not counted.
  scheduler.registerHandler('far', async () => {});
  await scheduler.start();
  const taskOf = (id, { at, isFar } = {}) => ({
    handler: isFar ? 'far' : 'work',
    args: [id],
    ...(at !== undefined && { trigger: { type: 'date', runAt: new Date(timeOf(at, id)) } }),
  });
  return {
    addOne: (id) => scheduler.addTask(taskOf(id)),
    async add(count, { from = 0, ...options } = {}) {
      for (const ids of slices(count, ADD_SIZE, from)) await scheduler.addTasks(ids.map((id) => taskOf(id, options)));
    },
    async schedule(count) {
      for (let id = 0; id < count; id += 1) {
        const trigger = { type: 'cron', expression: '* * * * * *' };
        await scheduler.addTask({ id: `each-second-${id}`, handler: 'work', args: [id], trigger });
      }
    },
    go: () => scheduler.resume(),
    pause: () => scheduler.pause(),
    mostKept: place.store === 'memory' ? MEMORY_HISTORY : Infinity,
    left: async () => (await scheduler.getTaskInfos({ handler: 'work', limit: 1 })).total,
    async kept() {
      if (history !== 'all') return null;
      let count = 0;
      for (let cursor; cursor !== null;) {
        const page = await scheduler.getRuns({ limit: 1_000, ...(cursor && { cursor }) });
        count += page.runs.length;
        cursor = page.next;
      }
      return count;
    },
    close: () => scheduler.shutdown(),
  };
}

export const adapter = {
  packages: [],
  build: (system) => (system === 'other' ? 'other' : 'ours'),
  settings: { concurrency: 1_000, history: 'all' },
  describe: ({ concurrency, history }) => `concurrency ${concurrency}, history ${history}`,
  open,
};
