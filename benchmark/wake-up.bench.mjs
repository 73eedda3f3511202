// How long after `addTask` in one process the handler begins in another one, both with a whole scheduler: the median of 100
// adds, beside what one question to the same server costs at that moment. `node benchmark/wake-up.bench.mjs` after
// `npm run build`; servers by ASYNCZ_TEST_REDIS_URL and ASYNCZ_TEST_POSTGRES_URL, else on the usual ports of this machine.
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { Scheduler } from 'nestjs-asyncz';
import { RedisStore } from 'nestjs-asyncz/redis';
import { TypeormStore } from 'nestjs-asyncz/typeorm';

const ADDS = 100;
const PAUSE_MS = Number(process.argv.at(-1)) || 20;
const redisUrl = process.env.ASYNCZ_TEST_REDIS_URL ?? 'redis://127.0.0.1:6379';
const postgresUrl = process.env.ASYNCZ_TEST_POSTGRES_URL ?? 'postgres://postgres@127.0.0.1:5432/test';

const open = (kind, name) =>
  kind === 'Redis'
    ? new RedisStore({ url: redisUrl, tasksKey: `${name}.tasks`, runTimesKey: `${name}.run_times` })
    : new TypeormStore({ database: postgresUrl, tableName: name });

/** The other process: says when each handler began, on the clock that all processes of the machine share. */
async function work(kind, name) {
  const scheduler = new Scheduler({ stores: { default: open(kind, name) } });
  scheduler.registerHandler('work', () => process.send(Number(process.hrtime.bigint()) / 1e6));
  await scheduler.start();
  process.on('message', () => void scheduler.shutdown(0).then(() => process.exit()));
  process.send('ready');
}

async function measure(kind) {
  const name = `asyncz_wake_${process.pid}`;
  const child = fork(fileURLToPath(import.meta.url), [kind, name]);
  await once(child, 'message');
  const store = open(kind, name);
  const client = new Scheduler({ role: 'client', stores: { default: store } });
  await client.start();
  const late = [];
  const questions = [];
  for (let at = 0; at < ADDS; at += 1) {
    await new Promise((resolve) => {
      setTimeout(resolve, PAUSE_MS);
    });
    const began = once(child, 'message');
    const start = Number(process.hrtime.bigint()) / 1e6;
    await client.addTask({ handler: 'work' });
    const [startedAt] = await began;
    late.push(startedAt - start);
    const asked = performance.now();
    await store.lookupTask('nobody');
    questions.push(performance.now() - asked);
  }
  child.send('stop');
  await once(child, 'exit');
  await store.removeAllTasks();
  await client.shutdown();
  const median = (values) => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)];
  const ratio = median(late) / median(questions);
  console.log(
    `${kind}: from addTask to the handler in another process ${median(late).toFixed(2)} ms (median of ${ADDS}), ` +
      `${ratio.toFixed(1)} times one question to the server (${median(questions).toFixed(2)} ms)`,
  );
}

// A number alone is the pause, for the process that was started by hand.
const [kind, name] = process.send ? process.argv.slice(2) : [];
if (kind) await work(kind, name);
else for (const one of ['Redis', 'PostgreSQL']) await measure(one);
