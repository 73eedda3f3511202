/**
 * How many due one-shot tasks a scheduler runs a second, from the start of its loop to the last end that is in the history.
 *
 * npm run build && node benchmark/dispatch.bench.mjs [--store memory|redis|postgres] [--tasks 20000] [--rounds 3]
 *   [--against <folder of another build>]
 *
 * With `--against`, the rounds alternate between this build and the other one. Each round is a process of its own, on data of
 * its own. One that lost or doubled a task prints FAILED instead of a figure.
 */
import { spawnSync } from 'node:child_process';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';

const { values: options } = parseArgs({
  options: {
    store: { type: 'string', default: 'memory' },
    tasks: { type: 'string', default: '20000' },
    rounds: { type: 'string', default: '3' },
    concurrency: { type: 'string', default: '1000' },
    against: { type: 'string' },
    build: { type: 'string' },
  },
});

/** Stores by name, each empty. */
const STORES = {
  memory: async (load) => {
    const { MemoryStore } = await load('stores/memory/memory.store.js');
    return { store: new MemoryStore(), remove: () => {} };
  },
  redis: async (load, name) => {
    const { RedisStore } = await load('stores/redis/redis.store.js');
    const { Redis } = await import('ioredis');
    const url = process.env.ASYNCZ_TEST_REDIS_URL ?? 'redis://127.0.0.1:6379';
    const store = new RedisStore({ url, tasksKey: `${name}.tasks`, runTimesKey: `${name}.times` });
    const remove = async () => {
      const client = new Redis(url);
      const keys = await client.keys(`*${name}*`);
      if (keys.length > 0) await client.del(keys);
      await client.quit();
    };
    return { store, remove };
  },
  postgres: async (load, name) => {
    const { TypeormStore } = await load('stores/typeorm/typeorm.store.js');
    const { DataSource } = await import('typeorm');
    const url = process.env.ASYNCZ_TEST_POSTGRES_URL ?? 'postgres://postgres@127.0.0.1:5432/postgres';
    const store = new TypeormStore({ database: { type: 'postgres', url }, tableName: name });
    const remove = async () => {
      const dataSource = await new DataSource({ type: 'postgres', url }).initialize();
      const tables = await dataSource.query('SELECT tablename FROM pg_tables WHERE tablename LIKE $1', [`${name}%`]);
      for (const { tablename } of tables) await dataSource.query(`DROP TABLE IF EXISTS "${tablename}"`);
      await dataSource.destroy();
    };
    return { store, remove };
  },
};

/** One round, in this process: runs a second, and microseconds of this process's processor time a run. */
async function measure(build) {
  const load = (path) => import(pathToFileURL(join(build, path)).href);
  const { Scheduler } = await load('scheduler/scheduler.js');
  const { AsyncExecutor } = await load('executors/async.executor.js');
  const { makeTask } = await load('testing/task.fixtures.js');
  const count = Number(options.tasks);
  const name = `bench_${process.pid}`;
  const { store, remove } = await STORES[options.store](load, name);
  const starts = new Map();
  let ended = 0;
  const executors = { default: new AsyncExecutor({ concurrency: Number(options.concurrency) }) };
  const scheduler = new Scheduler({ stores: { default: store }, executors, startPaused: true, name: 'test' });
  scheduler.registerHandler('work', (_args, { task }) => void starts.set(task.id, (starts.get(task.id) ?? 0) + 1));
  await scheduler.start();
  const now = Number(await store.now());
  const tasks = Array.from({ length: count }, (_, at) => makeTask(`t${at}`, { nextRunTime: now - 1_000 }));
  for (let at = 0; at < count; at += 1_000) await store.addTasks(tasks.slice(at, at + 1_000));
  const finished = new Promise((resolve) => {
    scheduler.addListener(() => {
      ended += 1;
      if (ended === count) resolve();
    }, ['run.succeeded', 'run.failed']);
  });
  const before = process.cpuUsage();
  const start = performance.now();
  scheduler.resume();
  await finished;
  const seconds = (performance.now() - start) / 1_000;
  const { user, system } = process.cpuUsage(before);
  const isWhole = starts.size === count && [...starts.values()].every((times) => times === 1);
  const left = (await store.query({}, { by: 'id', descending: false }, { offset: 0, limit: 1 })).total;
  await scheduler.shutdown();
  await remove();
  return isWhole && left === 0
    ? { perSecond: Math.round(count / seconds), microseconds: (user + system) / count }
    : { failed: `started ${starts.size} of ${count}, left ${left}` };
}

if (options.build) {
  console.log(JSON.stringify(await measure(options.build)));
  process.exit(0);
}

const own = fileURLToPath(new URL('../dist', import.meta.url));
const builds = { ...(options.against && { other: resolve(options.against) }), this: own };
const results = Object.fromEntries(Object.keys(builds).map((name) => [name, []]));
for (let round = 0; round < Number(options.rounds); round += 1) {
  for (const [name, build] of Object.entries(builds)) {
    const args = ['store', 'tasks', 'concurrency'].flatMap((key) => [`--${key}`, options[key]]);
    const child = spawnSync(process.execPath, [fileURLToPath(import.meta.url), '--build', build, ...args], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
      timeout: 300_000,
    });
    const line = child.stdout.trim().split('\n').at(-1) ?? '';
    results[name].push(line.startsWith('{') ? JSON.parse(line) : { failed: `exit code ${child.status}` });
  }
}

const median = (numbers) => numbers.toSorted((a, b) => a - b)[numbers.length >> 1];
const rows = {};
for (const [name, rounds] of Object.entries(results)) {
  const failed = rounds.find((round) => round.failed);
  const speeds = rounds.map(({ perSecond }) => perSecond);
  rows[name] = failed
    ? { 'runs a second': `FAILED: ${failed.failed}` }
    : {
        'runs a second': median(speeds),
        min: Math.min(...speeds),
        max: Math.max(...speeds),
        'us of processor a run': Math.round(median(rounds.map(({ microseconds }) => microseconds))),
      };
}
console.log(`Node ${process.version}; ${options.store}, ${options.tasks} due tasks, ${options.rounds} rounds`);
console.table(rows);
if (rows.other && typeof rows.other['runs a second'] === 'number' && typeof rows.this['runs a second'] === 'number') {
  console.log(`ratio: ${(rows.this['runs a second'] / rows.other['runs a second']).toFixed(2)}`);
}
