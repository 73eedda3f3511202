// How fast the Redis store is, beside the bare server in the same run: `npm run build && node benchmark/redis.bench.mjs`.
// Needs a server at ASYNCZ_TEST_REDIS_URL, or at 127.0.0.1:6379; works under key names of its own and removes them.
import { Redis } from 'ioredis';
import { RedisStore } from 'nestjs-asyncz/redis';
import { createStoreContext, makeTask } from 'nestjs-asyncz/testing';
import { resultOf, startDue } from '../dist/testing/plan.fixtures.js'; // Not public: the plan of the kit.

const URL = process.env.ASYNCZ_TEST_REDIS_URL ?? 'redis://127.0.0.1:6379';
const COUNT = Number(process.argv[2] ?? 20_000);
const KEY = `asyncz.bench.${process.pid}`;
const LEASE_MS = 60_000;

const admin = new Redis(URL);

function median(values) {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)];
}

/** Runs three times and prints the median, in operations a second. */
async function measure(name, count, prepare, work) {
  const rates = [];
  for (let round = 0; round < 3; round += 1) {
    const prepared = await prepare(round);
    const start = performance.now();
    await work(prepared);
    rates.push(count / ((performance.now() - start) / 1_000));
  }
  console.log(`${name.padEnd(62)} ${Math.round(median(rates)).toLocaleString('en').padStart(10)} / s`);
}

async function removeKeys() {
  for (const key of await admin.keys(`*${KEY}*`)) await admin.unlink(key);
}

function slices(items, size) {
  const parts = [];
  for (let at = 0; at < items.length; at += size) parts.push(items.slice(at, at + size));
  return parts;
}

const tasks = (now, round) =>
  Array.from({ length: COUNT }, (_, at) => makeTask(`${round}-${at}`, { nextRunTime: now - 1_000, args: [at] }));

async function bare() {
  const fields = Array.from({ length: COUNT }, (_, at) => [`t${at}`, JSON.stringify(makeTask(`t${at}`).definition)]);
  await measure('bare server: HSET and ZADD, 1,000 in a call', COUNT, removeKeys, async () => {
    for (const part of slices(fields, 1_000)) {
      const pipeline = admin.pipeline();
      pipeline.hset(`${KEY}.h`, ...part.flat());
      pipeline.zadd(`${KEY}.z`, ...part.flatMap(([id], at) => [at, id]));
      await pipeline.exec();
    }
  });
  const lua = `
    local ids = redis.call('ZRANGE', KEYS[2], 0, 199)
    if #ids == 0 then return 0 end
    local payloads = redis.call('HMGET', KEYS[1], unpack(ids))
    redis.call('ZREM', KEYS[2], unpack(ids))
    redis.call('HDEL', KEYS[1], unpack(ids))
    return payloads`;
  admin.defineCommand('asynczBenchTake', { numberOfKeys: 2, lua });
  const fill = async () => {
    await removeKeys();
    await admin.hset(`${KEY}.h`, ...fields.flat());
    await admin.zadd(`${KEY}.z`, ...fields.flatMap(([id], at) => [at, id]));
  };
  await measure('bare server: take and delete 200 in a script', COUNT, fill, async () => {
    for (let left = COUNT; left > 0; left -= 200) await admin.asynczBenchTake(`${KEY}.h`, `${KEY}.z`);
  });
}

async function store(label, context) {
  const opened = new RedisStore({ url: URL, tasksKey: `${KEY}.tasks` });
  await opened.start(createStoreContext(context));
  const now = await opened.now();
  await measure(`${label}: adds, one by one, 50 in flight`, COUNT, removeKeys, async () => {
    const waiting = tasks(now, 0);
    await Promise.all(
      Array.from({ length: 50 }, async () => {
        for (let task = waiting.pop(); task; task = waiting.pop()) await opened.addTask(task);
      }),
    );
  });
  await measure(`${label}: adds, 1,000 in a call`, COUNT, removeKeys, async () => {
    for (const part of slices(tasks(now, 0), 1_000)) await opened.addTasks(part);
  });
  const fill = async () => {
    await removeKeys();
    for (const part of slices(tasks(now, 0), 1_000)) await opened.addTasks(part);
  };
  for (const limit of [100, 500]) {
    await measure(`${label}: claim and finish, ${limit} at a time, with history`, COUNT, fill, async () => {
      const request = { limit, handlers: ['work'], owner: 'bench', leaseMs: LEASE_MS };
      for (let left = COUNT; left > 0;) {
        const { claimed } = await opened.claimDue(request, startDue('bench', LEASE_MS));
        const ends = claimed.map(({ task, start }) => resultOf(task, start[0], 'succeeded'));
        left -= (await opened.finishRuns(ends)).settled.length;
      }
    });
  }
  await removeKeys();
  await opened.shutdown();
}

try {
  console.log(
    `${COUNT.toLocaleString('en')} tasks, Node ${process.version}, ${/redis_version:(\S+)/.exec(await admin.info('server'))[1]}`,
  );
  await bare();
  await store('store, plain', {});
  await store('store, encrypted', { encryption: { keys: 'a benchmark secret of many bytes' } });
} finally {
  await removeKeys();
  admin.disconnect();
}
