// How long a scheduler takes to start and to stop on a store that holds tasks of others, and how that grows: 100 of them beside
// 1,000, 10,000 and 100,000 in the same run. `npm run build && node benchmark/start-up.bench.mjs`. Arguments: how many at the
// most, then which of memory, file, sqlite, postgres, mysql, redis, mongodb. Servers by ASYNCZ_TEST_REDIS_URL and the like,
// else on the usual ports of this machine; MongoDB only where ASYNCZ_TEST_MONGODB_URL says where. It works on names of its own
// and removes what it made. `start` is by a worker that declares 20 tasks and has a startup and a shutdown task, `client` by a
// client; `blocked` is the longest time in which the start let no timer fire.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { FileStore, MemoryStore, Scheduler } from 'nestjs-asyncz';
import { createStoreContext, makeTask } from 'nestjs-asyncz/testing';

const MOST = Number(process.argv[2] ?? 100_000);
const CHOSEN = process.argv.slice(3);
const COUNTS = [100, 1_000, 10_000, 100_000].filter((count) => count <= MOST);
const ROUNDS = 3;
const prefix = `asyncz_start_${process.pid}`;
const folder = mkdtempSync(join(tmpdir(), 'asyncz-start-'));

const urlOf = (name, fallback) => process.env[`ASYNCZ_TEST_${name}_URL`] ?? fallback;
const urls = {
  redis: urlOf('REDIS', 'redis://127.0.0.1:6379'),
  mysql: urlOf('MYSQL', 'mysql://root@127.0.0.1:3306/test'),
  postgres: urlOf('POSTGRES', 'postgres://postgres@127.0.0.1:5432/test'),
  mongodb: urlOf('MONGODB', undefined),
};

/** How a store on the same data is opened again, and how the data is removed. */
const STORES = {
  memory: async () => {
    // One object, which keeps what it has when it is shut down.
    const store = new MemoryStore();
    return { open: () => store, dispose: () => {} };
  },
  file: async (name) => ({
    open: () => new FileStore({ directory: join(folder, name), fsync: false }),
    dispose: () => {},
  }),
  sqlite: (name) => sql({ type: 'better-sqlite3', database: join(folder, `${name}.db`), enableWAL: true }, name),
  postgres: (name) => sql({ type: 'postgres', url: urls.postgres }, name),
  mysql: (name) => sql({ type: 'mysql', url: urls.mysql }, name),
  redis: async (name) => {
    const { Redis } = await import('ioredis');
    const { RedisStore } = await import('nestjs-asyncz/redis');
    const keys = { tasksKey: `${name}.tasks`, runTimesKey: `${name}.run_times` };
    return {
      open: () => new RedisStore({ url: urls.redis, ...keys }),
      dispose: async () => {
        const client = new Redis(urls.redis);
        for (let cursor = '0'; ;) {
          const [next, found] = await client.scan(cursor, 'MATCH', `*${name}*`, 'COUNT', 10_000);
          if (found.length > 0) await client.unlink(found);
          if ((cursor = next) === '0') break;
        }
        await client.quit();
      },
    };
  },
  mongodb: async (name) => {
    const { MongooseStore } = await import('nestjs-asyncz/mongoose');
    const { createConnection } = await import('mongoose');
    return {
      open: () => new MongooseStore({ url: urls.mongodb, collection: `${name}_tasks` }),
      dispose: async () => {
        const connection = await createConnection(urls.mongodb).asPromise();
        for (const kind of ['tasks', 'runs', 'schedulers', 'wakes'])
          await connection.db.dropCollection(`${name}_${kind}`).catch(() => {});
        await connection.close();
      },
    };
  },
};

async function sql(options, name) {
  const { DataSource } = await import('typeorm');
  const { TypeormStore } = await import('nestjs-asyncz/typeorm');
  const dataSource = await new DataSource(options).initialize();
  return {
    open: () => new TypeormStore({ dataSource, tableName: name }),
    dispose: async () => {
      for (const table of ['tasks', 'runs', 'schedulers'])
        await dataSource.query(`DROP TABLE IF EXISTS ${name}_${table}`);
      await dataSource.destroy();
    },
  };
}

const FAR = Date.UTC(2100, 0, 1);

async function fill(store, count) {
  await store.start(createStoreContext());
  for (let start = 0; start < count; start += 1_000) {
    const tasks = Array.from({ length: Math.min(1_000, count - start) }, (_, index) =>
      makeTask(`other-${start + index}`, { handler: 'other', nextRunTime: FAR, args: ['some', { payload: index }] }),
    );
    await store.addTasks(tasks);
  }
  await store.shutdown();
}

const DECLARED = [
  ...Array.from({ length: 20 }, (_, at) => ({ id: `mine-${at}`, trigger: { type: 'interval', hours: 24 } })),
  { id: 'at the start', trigger: { type: 'startup' } },
  { id: 'at the stop', trigger: { type: 'shutdown' } },
].map((task) => ({ handler: 'mine', ...task }));

/** Starts and stops a scheduler once. Returns the times of both, and the longest block of the start, in milliseconds. */
async function round(store, role) {
  // Of the same name as the context that the store was filled with.
  const scheduler = new Scheduler({ name: 'test', stores: { default: store }, role });
  scheduler.registerHandler('mine', () => {});
  scheduler.declareTasks(DECLARED);
  const delay = monitorEventLoopDelay({ resolution: 5 });
  delay.enable();
  const before = performance.now();
  await scheduler.start();
  const started = performance.now();
  delay.disable();
  await scheduler.shutdown();
  return { start: started - before, stop: performance.now() - started, blocked: delay.max / 1e6 };
}

async function measure(store, role) {
  const rounds = [];
  for (let at = 0; at < ROUNDS; at += 1) rounds.push(await round(store(), role));
  const median = (key) => rounds.map((one) => one[key]).sort((a, b) => a - b)[Math.floor(ROUNDS / 2)];
  return { start: median('start'), stop: median('stop'), blocked: median('blocked') };
}

const chosen = CHOSEN.length > 0 ? CHOSEN : Object.keys(STORES).filter((kind) => kind !== 'mongodb' || urls.mongodb);
try {
  for (const kind of chosen) {
    let few;
    for (const count of COUNTS) {
      const { open, dispose } = await STORES[kind](`${prefix}_${kind}_${count}`);
      try {
        await fill(open(), count);
        // The first adds what is declared.
        await round(open(), 'worker');
        const worker = await measure(open, 'worker');
        const client = await measure(open, 'client');
        few ??= { worker, client };
        const text = (ms, base) => `${ms.toFixed(1)} ms (x ${(ms / base).toFixed(1)})`;
        console.log(
          `${kind}, ${count} tasks of others: start ${text(worker.start, few.worker.start)}, ` +
            `stop ${text(worker.stop, few.worker.stop)}, client ${text(client.start, few.client.start)}, ` +
            `blocked ${worker.blocked.toFixed(0)} ms`,
        );
      } finally {
        await dispose();
      }
    }
  }
} finally {
  rmSync(folder, { recursive: true, force: true });
}
