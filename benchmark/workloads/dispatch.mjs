// How many due one-shot tasks a system runs a second, from the start of its loop to when nothing is left in the store.
import { check, drained, Ledger, within } from '../harness/ledger.mjs';
import { startMeter } from '../harness/meter.mjs';

/** How long a run may take, in ms. */
const TIMEOUT_MS = 270_000;

/**
 * Adds tasks that are due, runs them all, and says what that cost.
 *
 * @param options With `isCounted: false` it is over when the last handler was called; else when the store has none left.
 */
export async function dispatch({ server }, session, ledger, count, { isCounted = true } = {}) {
  await session.add(count);
  globalThis.gc?.();
  const stop = startMeter(server);
  await session.go();
  const missing = () => `${ledger.left} of ${count} tasks did not run in time`;
  await within(TIMEOUT_MS, ledger.finished, missing);
  const end = isCounted && (await within(TIMEOUT_MS, drained(session), 'tasks that have run are left in the store'));
  const { seconds, worker, server: serverSeconds, trips, bytes } = stop(end || undefined);
  return {
    perSecond: count / seconds,
    workerUs: (worker / count) * 1e6,
    serverUs: serverSeconds === null ? null : (serverSeconds / count) * 1e6,
    ...(server !== null && { tripsPer1000: (trips / count) * 1_000, bytes: bytes / count }),
  };
}

async function run(site, { tasks }) {
  const ledger = new Ledger(tasks);
  const session = await site.adapter.open(site, (id) => ledger.ran(id));
  try {
    const figures = await dispatch(site, session, ledger, tasks);
    await check(ledger, session, tasks);
    return figures;
  } finally {
    await session.close();
  }
}

export const COLUMNS = {
  perSecond: 'runs a second',
  workerUs: 'worker µs a run',
  serverUs: 'server µs a run',
  tripsPer1000: 'round trips for 1,000 runs',
  bytes: 'bytes a run',
};

export const workload = {
  title: 'Dispatch of due one-shots',
  stores: ['memory', 'redis', 'postgres', 'mariadb', 'sqlite', 'files', 'mongodb'],
  systems: [
    'ours',
    'other',
    'ours-failures',
    'ours-none',
    'bullmq-kept',
    'bullmq',
    'bullmq-postgres',
    'pg-boss',
    'graphile-worker',
    'agenda',
    'sidequest',
    'heap',
    'bare-history',
    'bare',
  ],
  cases: ({ store, tasks = store === 'files' ? [2_000, 20_000] : [20_000, 100_000] }) =>
    tasks.map((count) => ({ name: `${count} tasks`, tasks: count })),
  columns: COLUMNS,
  run,
};
