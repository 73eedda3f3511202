// What the pipeline of NestJS costs a run: due one-shots whose handlers have more or less around them, in one process.
import { check, Ledger } from '../harness/ledger.mjs';
import { COLUMNS, dispatch } from './dispatch.mjs';

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

export const workload = {
  title: 'Dispatch through the pipeline of NestJS',
  stores: ['memory'],
  systems: ['nest', 'nest-guard', 'nest-all', 'nest-scoped', 'nest-other'],
  // What the others are compared with: a plain method. `nest-other` is one on another build, see `--against`.
  base: 'nest',
  cases: ({ tasks = [20_000] }) => tasks.map((count) => ({ name: `${count} tasks`, tasks: count })),
  columns: COLUMNS,
  run,
};
