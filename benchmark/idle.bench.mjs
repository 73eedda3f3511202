/**
 * What a scheduler costs that has nothing to do: 100,000 tasks far ahead in memory, CPU time over ten seconds.
 *
 * npm run build && node benchmark/idle.bench.mjs
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { MemoryStore, Scheduler } from '../dist/index.js';

const TASKS = 100_000;
const WINDOW_MS = 10_000;
/** Less than this is not to be told from a process without a scheduler. */
const NOISE_MS = 50;
const YEAR_MS = 31_536_000_000;

/** The CPU time of the process during the window, in milliseconds, user and system together. */
async function measureCpu() {
  const before = process.cpuUsage();
  await sleep(WINDOW_MS);
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1_000;
}

const withoutScheduler = await measureCpu();

const scheduler = new Scheduler({ stores: { default: new MemoryStore() } });
scheduler.registerHandler('work', () => {});
await scheduler.start();
const start = Date.now();
for (let index = 0; index < TASKS; index += 1) {
  const runAt = start + YEAR_MS + index * 1_000;
  await scheduler.addTask({ id: `task-${index}`, handler: 'work', trigger: { type: 'date', runAt } });
}
const added = Date.now() - start;
// What the adding has left for the garbage collector is not what idling costs.
await sleep(2_000);
const idle = await measureCpu();
await scheduler.shutdown();

const perCent = (ms) => `${((ms / WINDOW_MS) * 100).toFixed(2)} %`;
console.log(`${TASKS} tasks added in ${added} ms, heap ${Math.round(process.memoryUsage().heapUsed / 1_048_576)} MiB`);
console.log(
  `CPU over ${WINDOW_MS / 1_000} s without a scheduler: ${withoutScheduler.toFixed(1)} ms (${perCent(withoutScheduler)})`,
);
console.log(`CPU over ${WINDOW_MS / 1_000} s, all tasks far ahead:  ${idle.toFixed(1)} ms (${perCent(idle)})`);
if (idle > withoutScheduler + NOISE_MS) {
  console.error(`More than ${NOISE_MS} ms above a process without a scheduler.`);
  process.exitCode = 1;
}
