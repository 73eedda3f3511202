// Dispatch by 1, 2 and 4 processes on one server, and how evenly they share the work.
import { check, drained, Ledger, sleep, within } from '../harness/ledger.mjs';
import { startMeter } from '../harness/meter.mjs';
import { nextOrder, Partner } from '../harness/partner.mjs';

/** How long a run may take, in ms. */
const TIMEOUT_MS = 240_000;

/** How often a worker says what it has run, in ms. */
const REPORT_MS = 10;

async function run(site, { tasks, processes }) {
  const session = await site.adapter.open(site);
  const partners = Array.from({ length: processes }, () => new Partner(site));
  try {
    await session.add(tasks);
    for (const partner of partners) await partner.next();
    const ledger = new Ledger(tasks);
    const stop = startMeter(site.server);
    for (const partner of partners) partner.send('go');
    const shares = partners.map((partner) => listen(partner, ledger));
    const missing = () => `${ledger.left} of ${tasks} tasks did not run in time`;
    await within(TIMEOUT_MS, Promise.race([ledger.finished, Promise.all(shares)]), missing);
    const end = await drained(session);
    const { seconds, server } = stop(end);
    for (const partner of partners) partner.send('stop');
    const found = await Promise.all(shares);
    await check(ledger, session, tasks);
    const counts = found.map(({ count }) => count);
    return {
      perSecond: tasks / seconds,
      unevenness: Math.max(...counts) / Math.min(...counts),
      largest: Math.max(...counts) / tasks,
      smallest: Math.min(...counts) / tasks,
      workerUs: (found.reduce((sum, { worker }) => sum + worker, 0) / tasks) * 1e6,
      serverUs: server === null ? null : (server / tasks) * 1e6,
    };
  } finally {
    await session.close();
    await Promise.all(partners.map((partner) => partner.ended()));
  }
}

/** Takes down what a worker has run until it is told to stop. */
async function listen(partner, ledger) {
  let count = 0;
  for (;;) {
    const { ids, worker } = await partner.next(TIMEOUT_MS);
    for (const id of ids) ledger.ran(id);
    count += ids.length;
    if (worker !== undefined) return { count, worker };
  }
}

async function partner(site) {
  let ids = [];
  const session = await site.adapter.open(site, async (id) => void ids.push(id));
  process.send('ready');
  await nextOrder();
  const stop = startMeter(null);
  await session.go();
  const order = nextOrder();
  const take = () => {
    const taken = ids;
    ids = [];
    return taken;
  };
  while (!(await Promise.race([order, sleep(REPORT_MS)]))) if (ids.length > 0) process.send({ ids: take() });
  process.send({ ids: take(), worker: stop().worker });
  await nextOrder();
  await session.close();
}

export const workload = {
  title: 'Processes on one server',
  stores: ['redis', 'postgres', 'mariadb', 'sqlite', 'mongodb'],
  systems: ['ours', 'other', 'bullmq-kept', 'pg-boss', 'graphile-worker'],
  cases: ({ tasks: [tasks] = [20_000], processes = [1, 2, 4] }) =>
    processes.map((count) => ({ name: count === 1 ? '1 process' : `${count} processes`, tasks, processes: count })),
  columns: {
    perSecond: 'runs a second',
    unevenness: 'largest share / smallest',
    largest: 'largest share',
    smallest: 'smallest share',
    workerUs: 'workers µs a run',
    serverUs: 'server µs a run',
  },
  comparesCases: true,
  run,
  partner,
};
