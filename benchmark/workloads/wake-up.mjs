// How long after one process has added a task its handler begins in another one.
import { sleep } from '../harness/ledger.mjs';
import { startMeter } from '../harness/meter.mjs';
import { nextOrder, Partner } from '../harness/partner.mjs';
import { percentile } from '../harness/statistics.mjs';

/** For how long tasks are added at the most, in ms: a store that is polled answers after seconds. */
const LONGEST_MS = 60_000;

/** The pause before an add, in ms: between the least and twice of it, so that no rhythm of a loop is met. */
const PAUSE_MS = 25;

/** The clock that all processes of the machine share, in ms. */
const shared = () => Number(process.hrtime.bigint()) / 1e6;

async function run(site, { adds }) {
  const partner = new Partner(site);
  const session = await site.adapter.open(site);
  try {
    await partner.next();
    const late = [];
    for (const end = Date.now() + LONGEST_MS; late.length < adds && Date.now() < end;) {
      await sleep(PAUSE_MS * (1 + Math.random()));
      const added = shared();
      await session.addOne(late.length);
      const { began } = await partner.next();
      late.push(began - added);
    }
    partner.send('idle');
    const idle = await partner.next();
    return { lateP50: percentile(late, 0.5), lateP99: percentile(late, 0.99), adds: late.length, ...idle };
  } finally {
    await session.close();
    await partner.ended();
  }
}

/** The other process: says when each handler began, and what it costs to wait. */
async function partner(site) {
  const session = await site.adapter.open(site, async () => process.send({ began: shared() }));
  await session.go();
  process.send('ready');
  if ((await nextOrder()) === 'idle') {
    const { idleSeconds } = site.job.case;
    const stop = startMeter(site.server);
    await sleep(idleSeconds * 1_000);
    const { trips, worker } = stop();
    process.send({ idleTrips: trips / idleSeconds, idleWorkerMs: (worker * 1_000) / idleSeconds });
    await nextOrder();
  }
  await session.close();
}

export const workload = {
  title: 'Wake-up of another process',
  stores: ['redis', 'postgres', 'mariadb', 'sqlite', 'files', 'mongodb'],
  systems: ['ours', 'other', 'bullmq', 'pg-boss', 'graphile-worker', 'agenda'],
  cases: ({ isShort }) => [{ name: 'two processes', adds: isShort ? 20 : 200, idleSeconds: isShort ? 2 : 10 }],
  columns: {
    lateP50: 'p50, ms',
    lateP99: 'p99, ms',
    adds: 'adds',
    idleTrips: 'round trips a second, idle',
    idleWorkerMs: 'worker ms a second, idle',
  },
  timeoutMs: 600_000,
  run,
  partner,
};
