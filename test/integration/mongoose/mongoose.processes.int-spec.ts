import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createStoreContext, until } from 'nestjs-asyncz/testing';
import type { SchedulerInstance } from '../../../lib/model/scheduler-instance.js';
import { MongooseStore } from 'nestjs-asyncz/mongoose';
import { addDue, ClaimingPool, isEmpty } from '../../support/claiming.pool.js';
import { untilWorkers } from '../../support/claiming.worker.js';
import { KillableStandIn, useMongodb } from '../../support/mongodb.js';

/** The stand-in reads every document for every query: a figure for the guarantee, not for the speed. */
const COUNT = 200;
const LIMIT = 20;
const DATABASE = 'asyncz_processes';
const AHEAD_MS = 2_000;
const DEADLINE_MS = 90_000;

const server = useMongodb();
let names = 0;
let collection: string;
const pool = new ClaimingPool();

beforeEach(() => {
  names += 1;
  collection = `processes_${process.pid}_${names}_tasks`;
});
afterEach(async () => {
  await pool.kill();
  for (const kind of ['tasks', 'runs', 'journal', 'schedulers', 'wakes']) {
    await server.client().db(DATABASE).collection(collection.replace('tasks', kind)).drop();
  }
});

async function openStore(url: string): Promise<MongooseStore> {
  const store = new MongooseStore({ uri: url, database: DATABASE, collection });
  await store.start(createStoreContext({ identity: 'parent' }));
  return store;
}

async function startWorkers(url: string, leaseMs = 60_000): Promise<void> {
  const options = { uri: url, database: DATABASE, collection };
  await pool.start(2, { subpath: 'mongoose', className: 'MongooseStore', options, leaseMs, limit: LIMIT });
}

/** What the parent says of itself. */
const PARENT: SchedulerInstance = {
  identity: 'parent',
  name: 'test',
  role: 'client',
  host: 'here',
  pid: process.pid,
  version: '0',
  startedAt: 0,
  heartbeatAt: 0,
  stores: [],
  executors: [],
  handlers: [],
  running: 0,
  inputs: null,
  clockOffsetMs: 0,
  drain: null,
};

/** Waits until every task is gone, and looks that each has one run in the history that succeeded. */
async function expectAllEnded(store: MongooseStore, count: number): Promise<void> {
  await until(() => isEmpty(store), { what: 'all tasks to be gone', timeoutMs: 60_000 });
  const ended = async () => {
    // With its heartbeat, a scheduler copies to the history what a dead one has left to be copied.
    await store.heartbeat(PARENT);
    const { runs } = await store.runs({ status: 'succeeded' }, { limit: count * 2 });
    return new Set(runs.map(({ taskId }) => taskId)).size === count;
  };
  await until(ended, { what: 'the history to have a run of every task', timeoutMs: 60_000 });
}

describe('two processes on one MongoDB', () => {
  it(`run each of ${COUNT} one-shot tasks that are due at once exactly once`, async () => {
    const store = await openStore(server.url());
    await startWorkers(server.url());
    const dueAt = await addDue(store, COUNT, AHEAD_MS);
    await pool.untilStarted(COUNT, DEADLINE_MS);
    const took = (await store.now()) - dueAt;
    await expectAllEnded(store, COUNT);
    pool.report(`${COUNT} at once`, COUNT, `, the last start ${took} ms after the due time`);
    pool.expectOneStartEach(COUNT);
    await pool.stop();
    await store.shutdown();
  });

  it('lose none when one is killed in the middle', async () => {
    const store = await openStore(server.url());
    await startWorkers(server.url(), 6_000);
    await addDue(store, COUNT, AHEAD_MS);
    const [victim, heir] = pool.workers;
    const isBusy = () => victim!.started.length > 0 && pool.starts.length >= COUNT / 4;
    await untilWorkers(pool.workers, isBusy, DEADLINE_MS);
    await victim!.kill();
    await pool.untilStarted(COUNT, DEADLINE_MS, [heir!]);
    await expectAllEnded(store, COUNT);
    pool.report(`${COUNT} and one SIGKILL`, COUNT);
    pool.expectRestartsOf(victim!);
    await heir!.stop();
    await store.shutdown();
  });

  it('lose and double none while the server is killed twice in the middle', async () => {
    const own = await KillableStandIn.start();
    try {
      const store = await openStore(own.url);
      await startWorkers(own.url);
      await addDue(store, COUNT, AHEAD_MS);
      for (const share of [0.25, 0.5]) {
        await pool.untilStarted(COUNT * share, DEADLINE_MS);
        await own.kill();
        expect(pool.started).toBeLessThan(COUNT);
        await own.startAgain();
      }
      await pool.untilStarted(COUNT, DEADLINE_MS);
      const { failures } = pool;
      await expectAllEnded(store, COUNT);
      pool.report(`${COUNT} and two restarts`, COUNT, `, ${failures} calls failed meanwhile`);
      expect(pool.starts).toHaveLength(COUNT);
      await pool.stop();
      await store.shutdown();
    } finally {
      await own.dispose();
    }
  });
});
