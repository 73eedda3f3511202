// What tasks cost in memory: 1,000,000 far ahead, and 100,000 that come due over ten seconds.
import { FailedRun, Ledger, sleep, within } from '../harness/ledger.mjs';
import { startMeter } from '../harness/meter.mjs';
import { percentile } from '../harness/statistics.mjs';

const YEAR_MS = 366 * 86_400_000;

/** How long tasks may take to be added before the first is due, in ms, and how long late ones are waited for. */
const AHEAD_MS = 8_000;
const LATE_MS = 30_000;

async function far(site, { tasks }) {
  const session = await site.adapter.open(site, async () => {});
  try {
    globalThis.gc();
    const before = process.memoryUsage().heapUsed;
    const stop = startMeter(null);
    await session.add(tasks, { at: Date.now() + YEAR_MS });
    const { worker } = stop();
    globalThis.gc();
    return { bytesEach: (process.memoryUsage().heapUsed - before) / tasks, addUs: (worker / tasks) * 1e6 };
  } finally {
    await session.close();
  }
}

async function spread(site, { tasks, overMs }) {
  const ledger = new Ledger(tasks);
  const late = [];
  const begin = Date.now() + AHEAD_MS;
  const dueAt = (id) => begin + Math.floor((id * overMs) / tasks);
  const session = await site.adapter.open(site, (id) => {
    late.push(performance.timeOrigin + performance.now() - dueAt(id));
    ledger.ran(id);
  });
  try {
    await session.add(tasks, { at: dueAt });
    await session.go();
    if (Date.now() > begin) throw new FailedRun(`${tasks} tasks were not added within ${AHEAD_MS} ms`);
    await sleep(begin - Date.now() - 100);
    const stop = startMeter(null);
    await within(overMs + LATE_MS, ledger.finished, () => `${ledger.left} of ${tasks} tasks did not run`);
    const { worker } = stop();
    if (ledger.doubled > 0) throw new FailedRun(`${ledger.doubled} ran twice`);
    return { lateP50: percentile(late, 0.5), lateP99: percentile(late, 0.99), early: Math.min(0, ...late), worker };
  } finally {
    await session.close();
  }
}

const SECONDS = 10;

export const workload = {
  title: 'Tasks in memory',
  stores: ['memory'],
  systems: ['ours', 'other', 'heap'],
  cases: ({ tasks: [many, some] = [1_000_000, 100_000] }) => [
    { name: `${many} far tasks`, kind: 'far', tasks: many },
    { name: `${some ?? many} over ${SECONDS} s`, kind: 'spread', tasks: some ?? many, overMs: SECONDS * 1_000 },
  ],
  columns: {
    bytesEach: 'bytes a task',
    addUs: 'µs an add',
    lateP50: 'late p50, ms',
    lateP99: 'late p99, ms',
    worker: 'processor s',
  },
  run: (site, one) => ({ far, spread })[one.kind](site, one),
};
