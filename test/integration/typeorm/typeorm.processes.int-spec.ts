import { afterAll, afterEach, describe, expect, it } from 'vitest';
import { TypeormStore } from '../../../lib/stores/typeorm/typeorm.store.js';
import { createStoreContext } from '../../../lib/testing/store-context.js';
import { makeTask } from '../../../lib/testing/task.fixtures.js';
import { until } from '../../../lib/testing/until.js';
import { ClaimingWorker, untilWorkers } from '../../support/claiming.worker.js';
import type { StartedRun } from '../../support/claiming.worker.js';
import { comparing, dropTables, mysql, postgres, sqlite } from './support/databases.js';
import type { TestDatabase } from './support/databases.js';
import { mariadbServer, postgresServer, RestartableServer } from './support/restartable.servers.js';

const PREFIX = `procs_${process.pid}`;
const COUNT = 10_000;
const DEADLINE_MS = 100_000;

let store: TypeormStore;
const workers: ClaimingWorker[] = [];

async function openStore(url: string, settings: object = {}): Promise<void> {
  store = new TypeormStore({ ...settings, database: url, tableName: PREFIX });
  await store.start(createStoreContext({ identity: 'parent' }));
}

async function startWorkers(url: string, count: number, how: { settings?: object; leaseMs?: number }): Promise<void> {
  const { settings = {}, leaseMs = 60_000 } = how;
  const options = { ...settings, database: url, tableName: PREFIX };
  const given = { subpath: 'typeorm', className: 'TypeormStore', options, leaseMs };
  const owners = Array.from({ length: count }, (_, at) => `worker-${workers.length + at + 1}`);
  workers.push(...(await Promise.all(owners.map((owner) => ClaimingWorker.start(owner, given)))));
}

/** Adds the one-shot tasks, which all are due at the same time, shortly ahead. */
async function addDue(): Promise<number> {
  const at = (await store.now()) + 1_500;
  await store.addTasks(
    Array.from({ length: COUNT }, (_, index) => makeTask(`t${index}`, { nextRunTime: at, args: [index] })),
  );
  return at;
}

const startsOf = () => workers.flatMap(({ started }) => started);
const distinct = (starts: readonly StartedRun[]) => new Set(starts.map(({ id }) => id)).size;
const empty = async () =>
  (await store.query({}, { by: 'id', descending: false }, { offset: 0, limit: 0 }).catch(() => ({ total: -1 })))
    .total === 0;

/** Prints what a scenario came to. */
function report(title: string, expected: number, extra = ''): void {
  const starts = startsOf();
  const started = distinct(starts);
  const text = `expected ${expected}, started ${started}, doubled ${starts.length - started}, lost ${expected - started}`;
  console.log(`${title}: ${text}${extra}`);
}

async function succeeded(): Promise<number> {
  return (await store.runs({ status: 'succeeded' }, { limit: COUNT + 1 })).runs.length;
}

afterEach(async () => {
  for (const worker of workers) await worker.kill();
  workers.length = 0;
  await store.shutdown();
});

describe.each([postgres(), mysql(), sqlite(), comparing()])('two processes on $name', (database: TestDatabase) => {
  const { url, settings, name } = database;

  afterEach(async () => {
    const dataSource = await database.open();
    await dropTables(dataSource, PREFIX);
    await dataSource.destroy();
  });
  afterAll(() => database.remove());

  it(`run each of ${COUNT} one-shot tasks that are due at once exactly once`, async () => {
    await openStore(url, settings);
    await startWorkers(url, 2, { settings });
    const dueAt = await addDue();
    await untilWorkers(workers, () => distinct(startsOf()) === COUNT, DEADLINE_MS);
    const took = (await store.now()) - dueAt;
    await until(empty, { what: 'all to be ended', timeoutMs: DEADLINE_MS });
    report(`${name}, ${COUNT} at once`, COUNT, `, the last start ${took} ms after the due time`);
    expect(startsOf()).toHaveLength(COUNT);
    expect(startsOf().every(({ attempt }) => attempt === 1)).toBe(true);
    expect(workers.every(({ started }) => started.length > 0)).toBe(true);
    expect(await succeeded()).toBe(COUNT);
  });

  it('lose none when one is killed in the middle', async () => {
    await openStore(url, settings);
    await startWorkers(url, 2, { settings, leaseMs: 2_000 });
    await addDue();
    const isBusy = ({ started }: ClaimingWorker) => started.length > 0.15 * COUNT;
    await untilWorkers(workers, () => workers.some(isBusy), DEADLINE_MS);
    // Either may be the faster one, so much that the other has hardly anything.
    const [victim, heir] = isBusy(workers[0]!) ? workers : workers.toReversed();
    await victim!.kill();
    await untilWorkers([heir!], () => distinct(startsOf()) === COUNT, DEADLINE_MS);
    await until(empty, { what: 'all to be ended', timeoutMs: DEADLINE_MS });
    report(`${name}, ${COUNT} and one SIGKILL`, COUNT);
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
    expect(await succeeded()).toBe(COUNT);
  });
});

describe.each([
  { name: 'PostgreSQL', kind: postgresServer },
  { name: 'MariaDB', kind: mariadbServer },
])('two processes on a $name that crashes twice', ({ name, kind }) => {
  let server: RestartableServer;

  afterEach(() => server.remove());

  it('lose and double none', async () => {
    server = await RestartableServer.start(await kind());
    await openStore(server.url);
    // What a crash takes from its owner, unknown to it, starts again when the lease is over.
    await startWorkers(server.url, 2, { leaseMs: 20_000 });
    await addDue();
    for (const share of [0.25, 0.6]) {
      await untilWorkers(workers, () => distinct(startsOf()) > COUNT * share, DEADLINE_MS);
      await server.crash();
      await server.run();
    }
    await untilWorkers(workers, () => distinct(startsOf()) === COUNT, DEADLINE_MS);
    await until(empty, { what: 'all to be ended', timeoutMs: DEADLINE_MS });
    const failures = workers.flatMap((worker) => worker.failures).length;
    report(`${name}, ${COUNT} and two crashes`, COUNT, `, ${failures} calls failed meanwhile`);
    expect(startsOf()).toHaveLength(COUNT);
    expect(failures).toBeGreaterThan(0);
    expect(await succeeded()).toBe(COUNT);
  });
});
