// Dispatch in a store that holds a lot: tasks far ahead, or ended runs. It is filled once, before the rounds.
import { drained, FailedRun, Ledger, within } from '../harness/ledger.mjs';
import { COLUMNS, dispatch } from './dispatch.mjs';

/** The tasks that the store is filled with begin here, so that they are others. */
const OTHERS = 100_000_000;

const YEAR_MS = 366 * 86_400_000;

/** How many tasks run at a time until there are enough ended runs: they are in the store meanwhile. */
const STEP = 50_000;

const SEED_MS = 3_000_000;

async function seed(site, { far, ended }) {
  const ledger = new Ledger(ended);
  const session = await site.adapter.open(site, (id) => ledger.ran(id));
  try {
    await session.add(far, { from: OTHERS, at: Date.now() + YEAR_MS, isFar: true });
    if (ended === 0) return;
    await session.go();
    for (let from = 0; from < ended; from += STEP) {
      await session.add(Math.min(STEP, ended - from), { from });
      const goal = ended - from - STEP;
      await within(SEED_MS, ledger.reached(Math.max(0, goal)), 'the runs before the rounds did not end');
    }
    await drained(session);
  } finally {
    await session.close();
  }
}

async function run(site, { tasks }) {
  const ledger = new Ledger(tasks);
  const session = await site.adapter.open(site, (id) => ledger.ran(id));
  try {
    // Until the last handler: to count what is left takes a while in a store with many tasks.
    const figures = await dispatch(site, session, ledger, tasks, { isCounted: false });
    await within(SEED_MS, drained(session), 'tasks that have run are left in the store');
    if (ledger.doubled > 0) throw new FailedRun(`${ledger.doubled} ran twice`);
    return figures;
  } finally {
    await session.close();
  }
}

const inWords = (count) => (count === 0 ? 'no' : String(count));

export const workload = {
  title: 'Dispatch in a store that holds a lot',
  stores: ['redis', 'postgres', 'mariadb', 'sqlite', 'mongodb'],
  systems: ['ours', 'other'],
  cases: ({ tasks: [tasks] = [20_000], isShort, grown = isShort ? 20_000 : 1_000_000 }) => [
    ...[1_000, grown].map((far) => ({ name: `${far} far tasks`, far, ended: 0, tasks })),
    ...[0, grown].map((ended) => ({ name: `${inWords(ended)} ended runs`, far: 0, ended, tasks })),
  ],
  columns: COLUMNS,
  mostRounds: 3,
  timeoutMs: 600_000,
  comparesCases: true,
  seed,
  run,
};
