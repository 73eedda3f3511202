import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createStoreContext, makeTask, until } from 'nestjs-asyncz/testing';
import type { SchedulerInstance } from '../../../lib/model/scheduler-instance.js';
import { MongooseStore } from 'nestjs-asyncz/mongoose';
import { ClaimingWorker, untilWorkers } from '../../support/claiming.worker.js';
import type { StartedRun } from '../../support/claiming.worker.js';
import { KillableStandIn, useMongodb } from '../../support/mongodb.js';

/** The stand-in reads every document for every query: a figure for the guarantee, not for the speed. */
const COUNT = 200;
const LIMIT = 20;
const DATABASE = 'asyncz_processes';

const server = useMongodb();
let names = 0;
let collection: string;
let workers: ClaimingWorker[];

beforeEach(() => {
  names += 1;
  collection = `processes_${process.pid}_${names}_tasks`;
  workers = [];
});
afterEach(async () => {
  for (const worker of workers) await worker.kill();
  for (const kind of ['tasks', 'runs', 'schedulers', 'wakes']) {
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
  const how = { subpath: 'mongoose', className: 'MongooseStore', options, leaseMs, limit: LIMIT };
  workers = await Promise.all(['worker-1', 'worker-2'].map((owner) => ClaimingWorker.start(owner, how)));
}

/** Adds one-shot tasks that all are due at the same time, shortly ahead. */
async function addDue(store: MongooseStore, count: number): Promise<number> {
  const at = (await store.now()) + 2_000;
  const tasks = Array.from({ length: count }, (_, index) => makeTask(`t${index}`, { nextRunTime: at, args: [index] }));
  await store.addTasks(tasks);
  return at;
}

const startsOf = () => workers.flatMap(({ started }) => started);
const distinct = (starts: readonly StartedRun[]) => new Set(starts.map(({ id }) => id)).size;

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
  clockOffsetMs: 0,
  drain: null,
};

/** Waits until every task is gone, and looks that each has one run in the history that succeeded. */
async function expectAllEnded(store: MongooseStore, count: number): Promise<void> {
  const total = async () => (await store.query({}, { by: 'id', descending: false }, { offset: 0, limit: 0 })).total;
  await until(async () => (await total()) === 0, { what: 'all tasks to be gone', timeoutMs: 60_000 });
  const ended = async () => {
    // With its heartbeat, a scheduler copies to the history what a dead one has left to be copied.
    await store.heartbeat(PARENT);
    const { runs } = await store.runs({ status: 'succeeded' }, { limit: count * 2 });
    return new Set(runs.map(({ taskId }) => taskId)).size === count;
  };
  await until(ended, { what: 'the history to have a run of every task', timeoutMs: 60_000 });
}

/** Prints what a scenario came to. */
function report(title: string, count: number, extra = ''): void {
  const starts = startsOf();
  const started = distinct(starts);
  const text = `expected ${count}, started ${started}, doubled ${starts.length - started}, lost ${count - started}`;
  console.log(`${title}: ${text}${extra}`);
}

describe('two processes on one MongoDB', () => {
  it(`run each of ${COUNT} one-shot tasks that are due at once exactly once`, async () => {
    const store = await openStore(server.url());
    await startWorkers(server.url());
    const dueAt = await addDue(store, COUNT);
    await untilWorkers(workers, () => distinct(startsOf()) === COUNT, 90_000);
    const took = (await store.now()) - dueAt;
    await expectAllEnded(store, COUNT);
    report(`${COUNT} at once`, COUNT, `, the last start ${took} ms after the due time`);
    expect(startsOf().length).toBe(COUNT);
    expect(startsOf().every(({ attempt }) => attempt === 1)).toBe(true);
    expect(workers.every(({ started }) => started.length > 0)).toBe(true);
    for (const worker of workers) await worker.stop();
    await store.shutdown();
  });

  it('lose none when one is killed in the middle', async () => {
    const store = await openStore(server.url());
    await startWorkers(server.url(), 6_000);
    await addDue(store, COUNT);
    const [victim, heir] = workers;
    await untilWorkers(workers, () => victim!.started.length > 0 && startsOf().length >= COUNT / 4, 90_000);
    await victim!.kill();
    await untilWorkers([heir!], () => distinct(startsOf()) === COUNT, 90_000);
    await expectAllEnded(store, COUNT);
    report(`${COUNT} and one SIGKILL`, COUNT);
    const byRun = new Map<string, StartedRun[]>();
    for (const start of startsOf()) byRun.set(start.id, [...(byRun.get(start.id) ?? []), start]);
    for (const starts of byRun.values()) {
      const inOrder = starts.toSorted((a, b) => a.attempt - b.attempt);
      for (const [at, start] of inOrder.entries()) {
        if (at > 0) expect(start.token).toBeGreaterThan(inOrder[at - 1]!.token);
      }
      // Only what the victim had in hand may start again.
      if (starts.length > 1) expect(inOrder[0]!.owner).toBe(victim!.owner);
    }
    await heir!.stop();
    await store.shutdown();
  });

  it('lose and double none while the server is killed twice in the middle', async () => {
    const own = await KillableStandIn.start();
    try {
      const store = await openStore(own.url);
      await startWorkers(own.url);
      await addDue(store, COUNT);
      for (const share of [0.25, 0.5]) {
        await untilWorkers(workers, () => distinct(startsOf()) > COUNT * share, 90_000);
        await own.kill();
        expect(distinct(startsOf())).toBeLessThan(COUNT);
        await own.startAgain();
      }
      await untilWorkers(workers, () => distinct(startsOf()) === COUNT, 90_000);
      const failures = workers.flatMap((worker) => worker.failures).length;
      await expectAllEnded(store, COUNT);
      report(`${COUNT} and two restarts`, COUNT, `, ${failures} calls failed meanwhile`);
      expect(startsOf().length).toBe(COUNT);
      for (const worker of workers) await worker.stop();
      await store.shutdown();
    } finally {
      await own.dispose();
    }
  });
});
