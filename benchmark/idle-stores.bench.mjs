// What an idle scheduler costs on a server: 100,000 tasks far ahead, nothing due, 30 seconds. Prints the commands that the
// server got from it and the CPU that the process used. `node benchmark/idle-stores.bench.mjs` after `npm run build`; servers
// by ASYNCZ_TEST_REDIS_URL, ASYNCZ_TEST_POSTGRES_URL and ASYNCZ_TEST_MYSQL_URL, else on the usual ports of this machine.
import { Redis } from 'ioredis';
import { Scheduler } from 'nestjs-asyncz';
import { RedisStore } from 'nestjs-asyncz/redis';
import { TypeormStore } from 'nestjs-asyncz/typeorm';

const TASKS = Number(process.argv[2] ?? 100_000);
const SECONDS = 30;
const prefix = `asyncz_idle_${process.pid}`;

const redisUrl = process.env.ASYNCZ_TEST_REDIS_URL ?? 'redis://127.0.0.1:6379';
const mysqlUrl = process.env.ASYNCZ_TEST_MYSQL_URL ?? 'mysql://root@127.0.0.1:3306/test';
const postgresUrl = process.env.ASYNCZ_TEST_POSTGRES_URL ?? 'postgres://postgres@127.0.0.1:5432/test';

/** Counts what goes to Redis on the store's own client; wake-ups come on another connection and are not asked for. */
async function redis() {
  const client = new Redis(redisUrl);
  let commands = 0;
  const send = client.sendCommand.bind(client);
  client.sendCommand = (...args) => {
    commands += 1;
    return send(...args);
  };
  const store = new RedisStore({ client, tasksKey: `${prefix}.tasks`, runTimesKey: `${prefix}.run_times` });
  return {
    name: 'Redis',
    store,
    count: () => commands,
    dispose: async () => {
      for (const key of await client.keys(`*${prefix}*`)) await client.unlink(key);
      await client.quit();
    },
  };
}

/** Counts the statements that TypeORM logs. */
async function sql(name, options) {
  const { DataSource } = await import('typeorm');
  let statements = 0;
  const logger = {
    logQuery: () => (statements += 1),
    logQueryError() {},
    logQuerySlow() {},
    logSchemaBuild() {},
    logMigration() {},
    log() {},
  };
  const dataSource = await new DataSource({ ...options, logging: ['query'], logger }).initialize();
  const store = new TypeormStore({ dataSource, tableName: prefix });
  return {
    name,
    store,
    count: () => statements,
    dispose: async () => {
      for (const table of ['tasks', 'runs', 'schedulers'])
        await dataSource.query(`DROP TABLE IF EXISTS ${prefix}_${table}`);
      await dataSource.destroy();
    },
  };
}

const STORES = [
  redis,
  () => sql('PostgreSQL', { type: 'postgres', url: postgresUrl }),
  () => sql('MariaDB', { type: 'mysql', url: mysqlUrl }),
  () => sql('SQLite', { type: 'better-sqlite3', database: ':memory:' }),
];

for (const open of STORES) {
  const { name, store, count, dispose } = await open();
  const scheduler = new Scheduler({ stores: { default: store } });
  scheduler.registerHandler('later', () => {});
  await scheduler.start();
  try {
    const first = await scheduler.addTask({
      id: 'far-0',
      handler: 'later',
      trigger: { type: 'date', runAt: '2100-01-01' },
    });
    const model = await store.lookupTask(first.id);
    for (let start = 1; start < TASKS; start += 1_000) {
      const tasks = Array.from({ length: Math.min(1_000, TASKS - start) }, (_, index) => {
        const id = `far-${start + index}`;
        return { ...model, id, definition: { ...model.definition, id } };
      });
      await store.addTasks(tasks);
    }
    const before = count();
    const cpu = process.cpuUsage();
    await new Promise((resolve) => {
      setTimeout(resolve, SECONDS * 1_000);
    });
    const { user, system } = process.cpuUsage(cpu);
    const commands = count() - before;
    const share = ((user + system) / 1e6 / SECONDS) * 100;
    console.log(
      `${name}: ${TASKS} tasks, ${SECONDS} s idle: ${commands} commands (${(commands / SECONDS).toFixed(2)}/s), ${share.toFixed(2)} % of a core`,
    );
  } finally {
    await scheduler.shutdown();
    await dispose();
  }
}
