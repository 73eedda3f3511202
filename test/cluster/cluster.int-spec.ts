import { afterAll, describe, it } from 'vitest';
import { useMongodb } from '../support/mongodb.js';
import { ClusterBench, SCALE } from './cluster.bench.js';
import { clusterStores } from './cluster.stores.js';
import type { ClusterStoreKind } from './cluster.stores.js';
import { ProcessPool } from './process.pool.js';
import { boundaries } from './scenarios/boundaries.scenario.js';
import { breaks } from './scenarios/breaks.scenario.js';
import { steppedClock, wrongClocks } from './scenarios/clocks.scenario.js';
import { control } from './scenarios/control.scenario.js';
import { dedupe } from './scenarios/dedupe.scenario.js';
import { emptied } from './scenarios/emptied.scenario.js';
import { freeze } from './scenarios/freeze.scenario.js';
import { groups } from './scenarios/groups.scenario.js';
import { herd } from './scenarios/herd.scenario.js';
import { kill } from './scenarios/kill.scenario.js';
import { outage } from './scenarios/outage.scenario.js';
import { partition } from './scenarios/partition.scenario.js';
import { poison } from './scenarios/poison.scenario.js';
import { rates } from './scenarios/rates.scenario.js';
import { restart } from './scenarios/restart.scenario.js';
import { silent } from './scenarios/silent.scenario.js';
import { steps } from './scenarios/steps.scenario.js';
import { soak } from './scenarios/soak.scenario.js';
import { tenants } from './scenarios/tenants.scenario.js';

/** The soak takes ten minutes in full. */
const TIMEOUT_MS = SCALE < 1 ? 300_000 : 1_200_000;

const mongodb = useMongodb();
const stores = clusterStores(() => mongodb.url());
const pool = new ProcessPool();
afterAll(() => pool.dispose());

/** At a tenth of the length most of a scenario is waiting, so several stores share it; in full each has the machine alone. */
const each = SCALE < 1 ? it.concurrent : it;

function onEach(kinds: readonly ClusterStoreKind[], scenario: (bench: ClusterBench) => Promise<void>): void {
  for (const kind of kinds) {
    each(`on ${kind.name}`, { timeout: TIMEOUT_MS }, () => withBench(kind, scenario));
  }
}

async function withBench(
  kind: ClusterStoreKind,
  scenario: (bench: ClusterBench) => Promise<void>,
  url?: string,
): Promise<void> {
  const bench = await ClusterBench.open(kind, pool, url);
  try {
    await scenario(bench);
  } finally {
    await bench.close();
  }
}

const withServer = stores.filter(({ server }) => server !== null);
/** Without the stand-in for MongoDB, which takes one command at a time: what is many commands would take minutes. */
const quick = stores.filter(({ slow }) => !slow);
/** In `npm test`, what the engine decides for all stores alike is tried on one of each kind: a server with SQL, one without, and none. */
const few = SCALE < 1 ? stores.filter(({ name }) => ['PostgreSQL', 'Redis', 'files'].includes(name)) : stores;
const withoutServer = stores.filter(({ server }) => server === null);

describe('kill: no run is lost, and none doubled that must not be, while processes are killed', () => {
  onEach(stores, kill);
});

describe('steps: each effect of a run is there, once in a transaction, while processes are killed', () => {
  onEach(
    quick.filter((kind) => few.includes(kind)),
    steps,
  );
});

describe('dedupe: what is asked for with a key is there once and is not lost, while processes are killed', () => {
  onEach(few, dedupe);
});

describe('boundaries: nothing is lost, doubled or miscounted when processes die between two statements', () => {
  onEach(stores, boundaries);
});

describe('poison: a handler that ends its process is started a few times, then dead, and all others go on', () => {
  onEach(stores, poison);
});

describe('groups: no more runs of a group or a key are under way than its limit, while processes are killed', () => {
  onEach(few, groups);
});

describe('tenants: what one tenant has waiting keeps no task of another one waiting', () => {
  onEach(
    quick.filter((kind) => few.includes(kind)),
    tenants,
  );
});

describe('rates: no window of any place has more starts than the limit, and nearly all of it is used', () => {
  onEach(few, rates);
});

describe('control: what is asked for anywhere is done wherever it has to be', () => {
  onEach(stores, control);
});

describe('freeze: a process that was stopped for three lease lengths is fenced and overwrites nothing', () => {
  onEach(stores, freeze);
});

describe('partition: a process that is cut off from its server stops in time, and works again afterwards', () => {
  onEach(withServer, partition);
});

describe('silent: a server that says nothing for longer than a lease loses and doubles no run, and no stop waits for it', () => {
  onEach(withServer, silent);
});

describe('emptied: what is declared runs again after everything in the store was removed', () => {
  onEach(stores, emptied);
});

describe('breaks: processes whose connections break all the time survive it, and lose and double no run', () => {
  onEach(withServer, breaks);
});

describe('restart: no run is lost or doubled while the server breaks off in the middle of claims and ends', () => {
  for (const kind of withServer) {
    each(`on ${kind.name}`, { timeout: TIMEOUT_MS }, async () => {
      const own = await kind.server!.own();
      try {
        await withBench({ ...kind, slow: own.slow }, (bench) => restart(bench, own), own.url);
      } finally {
        await own.dispose();
      }
    });
  }
});

describe("clocks: due times follow the store's clock, without a storm and without a stall", () => {
  onEach(withServer, wrongClocks);
  onEach(withoutServer, steppedClock);
});

describe('herd: processes that start at once on an empty store add each task once, and run it once', () => {
  onEach(stores, herd);
});

describe('outage: what came due in three hours runs once, and tells how many times were folded', () => {
  onEach(stores, outage);
});

describe('soak: recurring tasks run for long, none is missed, and memory stays flat', () => {
  if (SCALE >= 1) onEach(stores, soak);
  // At a tenth of the rate they leave the machine room for each other, so together they take as long as one.
  else {
    it('on all of them at the same time', { timeout: TIMEOUT_MS }, async () => {
      await Promise.all(stores.map((kind) => withBench(kind, soak)));
    });
  }
});
