import { afterAll, afterEach, describe, expect, it } from 'vitest';
import { TypeormStore } from '../../../lib/stores/typeorm/typeorm.store.js';
import { createStoreContext } from '../../../lib/testing/store-context.js';
import { until } from '../../../lib/testing/until.js';
import { addDue, ClaimingPool, isEmpty } from '../../support/claiming.pool.js';
import { untilWorkers } from '../../support/claiming.worker.js';
import type { ClaimingWorker } from '../../support/claiming.worker.js';
import { comparing, dropTables, mysql, postgres, sqlite } from './support/databases.js';
import type { TestDatabase } from './support/databases.js';
import { mariadbServer, postgresServer, RestartableServer } from './support/restartable.servers.js';

const PREFIX = `procs_${process.pid}`;
const COUNT = 10_000;
const DEADLINE_MS = 100_000;
const AHEAD_MS = 1_500;

let store: TypeormStore;
const pool = new ClaimingPool();

async function openStore(url: string, settings: object = {}): Promise<void> {
  store = new TypeormStore({ ...settings, database: url, tableName: PREFIX });
  await store.start(createStoreContext({ identity: 'parent' }));
}

async function startWorkers(url: string, count: number, how: { settings?: object; leaseMs?: number }): Promise<void> {
  const { settings = {}, leaseMs = 60_000 } = how;
  const options = { ...settings, database: url, tableName: PREFIX };
  await pool.start(count, { subpath: 'typeorm', className: 'TypeormStore', options, leaseMs });
}

async function succeeded(): Promise<number> {
  return (await store.runs({ status: 'succeeded' }, { limit: COUNT + 1 })).runs.length;
}

afterEach(async () => {
  await pool.kill();
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
    const dueAt = await addDue(store, COUNT, AHEAD_MS);
    await pool.untilStarted(COUNT, DEADLINE_MS);
    const took = (await store.now()) - dueAt;
    await until(() => isEmpty(store), { what: 'all to be ended', timeoutMs: DEADLINE_MS });
    pool.report(`${name}, ${COUNT} at once`, COUNT, `, the last start ${took} ms after the due time`);
    pool.expectOneStartEach(COUNT);
    expect(await succeeded()).toBe(COUNT);
  });

  it('lose none when one is killed in the middle', async () => {
    await openStore(url, settings);
    await startWorkers(url, 2, { settings, leaseMs: 2_000 });
    await addDue(store, COUNT, AHEAD_MS);
    const isBusy = ({ started }: ClaimingWorker) => started.length > 0.15 * COUNT;
    await untilWorkers(pool.workers, () => pool.workers.some(isBusy), DEADLINE_MS);
    // Either may be the faster one, so much that the other has hardly anything.
    const [victim, heir] = isBusy(pool.workers[0]!) ? pool.workers : pool.workers.toReversed();
    await victim!.kill();
    await pool.untilStarted(COUNT, DEADLINE_MS, [heir!]);
    await until(() => isEmpty(store), { what: 'all to be ended', timeoutMs: DEADLINE_MS });
    pool.report(`${name}, ${COUNT} and one SIGKILL`, COUNT);
    pool.expectRestartsOf(victim!);
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
    await addDue(store, COUNT, AHEAD_MS);
    for (const share of [0.25, 0.6]) {
      await pool.untilStarted(COUNT * share, DEADLINE_MS);
      await server.crash();
      await server.run();
    }
    await pool.untilStarted(COUNT, DEADLINE_MS);
    await until(() => isEmpty(store), { what: 'all to be ended', timeoutMs: DEADLINE_MS });
    const { failures } = pool;
    pool.report(`${name}, ${COUNT} and two crashes`, COUNT, `, ${failures} calls failed meanwhile`);
    expect(pool.starts).toHaveLength(COUNT);
    expect(failures).toBeGreaterThan(0);
    expect(await succeeded()).toBe(COUNT);
  });
});
