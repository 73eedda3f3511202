// How long an application of NestJS with 2,000 decorated methods takes to start, on a store that holds their tasks and those of
// others. Each start is that of a new process.
import { importEntry } from '../harness/library.mjs';
import { startMeter } from '../harness/meter.mjs';
import { nextOrder, Partner } from '../harness/partner.mjs';
import { median } from '../harness/statistics.mjs';
import { openStore } from '../systems/ours.mjs';

const YEAR_MS = 366 * 86_400_000;

/** How often it is started again. */
const AGAIN = 3;

async function run(site, { others }) {
  if (others > 0) {
    const session = await site.adapter.open(site);
    await session.add(others, { at: Date.now() + YEAR_MS, isFar: true });
    await session.close();
  }
  const starts = [];
  for (let count = 0; count <= AGAIN; count += 1) {
    const partner = new Partner(site);
    starts.push(await partner.next(120_000));
    await partner.ended();
  }
  const [first, ...again] = starts;
  const of = (key) => median(again.map((start) => start[key]));
  return {
    firstMs: first.ms,
    againMs: of('ms'),
    worker: of('worker') * 1_000,
    server: of('server') * 1_000,
    trips: of('trips'),
  };
}

/** A class with methods that each are scheduled once a year. */
function makeTasks({ ScheduledTask }, { Injectable }, count) {
  const Tasks = class {
    declared = count;
  };
  for (let id = 0; id < count; id += 1) {
    const name = `task${id}`;
    Object.defineProperty(Tasks.prototype, name, { value: async () => {}, writable: true, configurable: true });
    const options = { id: `declared-${id}`, trigger: 'cron', expression: '0 3 1 1 *' };
    ScheduledTask(options)(Tasks.prototype, name, Object.getOwnPropertyDescriptor(Tasks.prototype, name));
  }
  Injectable()(Tasks);
  return Tasks;
}

async function partner(site) {
  await import('reflect-metadata');
  const common = await import('@nestjs/common');
  const { NestFactory } = await import('@nestjs/core');
  const library = await importEntry(site.library, '.');
  const Tasks = makeTasks(library, common, site.job.case.declared);
  const Application = class {
    name = 'benchmark';
  };
  const imports = [library.AsynczModule.forRoot({ stores: { default: await openStore(site.library, site.place) } })];
  common.Module({ imports, providers: [Tasks] })(Application);
  const stop = startMeter(site.server);
  const application = await NestFactory.createApplicationContext(Application, { logger: ['error'] });
  const { seconds, worker, server, trips } = stop();
  process.send({ ms: seconds * 1_000, worker, server: server ?? 0, trips });
  await nextOrder();
  await application.close();
}

const inWords = (count) => (count === 0 ? 'none' : String(count));

export const workload = {
  title: 'Start of an application with 2,000 declared tasks',
  stores: ['memory', 'redis', 'postgres', 'mariadb', 'sqlite', 'files', 'mongodb'],
  systems: ['ours', 'other'],
  // What is in memory is gone before the next start.
  cases: ({ store, isShort }) =>
    [0, ...(store === 'memory' ? [] : [isShort ? 5_000 : 98_000])].map((others) => ({
      name: `${inWords(others)} of others`,
      others,
      declared: 2_000,
    })),
  columns: {
    firstMs: 'first start, ms',
    againMs: 'start again, ms',
    worker: 'processor ms',
    server: 'server ms',
    trips: 'round trips',
  },
  mostRounds: 3,
  timeoutMs: 900_000,
  comparesCases: true,
  run,
  partner,
};
