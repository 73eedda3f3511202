import { existsSync, readdirSync, writeFileSync } from 'node:fs';
import type { DataSourceOptions } from 'typeorm';
import { describe, expect, it } from 'vitest';
import { TypeormStore } from '../../../lib/stores/typeorm/typeorm.store.js';
import { createStoreContext } from '../../../lib/testing/store-context.js';
import { makeTask } from '../../../lib/testing/task.fixtures.js';
import { until } from '../../../lib/testing/until.js';
import { TcpProxy } from '../../support/tcp.proxy.js';
import { dropTables, mysql, postgres, sqlite, through } from './support/databases.js';

const PREFIX = `wakes_${process.pid}`;

describe.each([postgres(), mysql()])('wake-ups by $name', (database) => {
  const { hostname, port } = new URL(database.url);

  it('come back after the connection was lost, and a wake-up tells of it', async () => {
    let proxy = await TcpProxy.start(Number(port), { host: hostname });
    const proxyPort = proxy.port;
    const admin = await database.open();
    const sender = new TypeormStore({ dataSource: admin, tableName: PREFIX });
    const receiver = new TypeormStore({ database: through(database.url, proxyPort), tableName: PREFIX });
    const log: string[] = [];
    const logger = {
      debug() {},
      error() {},
      info: (message: string) => log.push(message),
      warn: (message: string) => log.push(message),
    };
    try {
      await sender.start(createStoreContext());
      await receiver.start(createStoreContext({ logger }));
      let wakes = 0;
      receiver.onWake(() => (wakes += 1));
      const wake = () =>
        until(
          async () => {
            await sender.wake(0);
            return wakes > 0;
          },
          { what: 'a wake-up' },
        );
      await wake();
      // Meanwhile nothing can connect, so that it has to be tried more than once.
      await proxy.stop();
      await until(() => log.some((line) => line.includes('interrupted')), { what: 'the loss to be told' });
      wakes = 0;
      proxy = await TcpProxy.start(Number(port), { host: hostname, port: proxyPort });
      await until(() => wakes > 0, { what: 'the wake-up for what was missed' });
      wakes = 0;
      await wake();
      expect(log.filter((line) => line.includes('interrupted'))).toHaveLength(1);
    } finally {
      await receiver.shutdown();
      await sender.shutdown();
      await proxy.stop();
      await dropTables(admin, PREFIX);
      await admin.destroy();
    }
  });
});

describe('wake-ups by PostgreSQL', () => {
  const database = postgres();
  const { hostname, port } = new URL(database.url);

  it('that do not arrive, as behind a pooler that gives each transaction another connection, are told of, and it polls', async () => {
    const proxy = await TcpProxy.start(Number(port), { host: hostname });
    // Only notifications name the channel in an answer: they are kept back for good.
    proxy.joinAnswers(/asyncz_[0-9a-f]{16}/, 'never');
    const admin = await database.open();
    const log: string[] = [];
    const logger = { debug() {}, error() {}, info() {}, warn: (message: string) => log.push(message) };
    const store = new TypeormStore({ database: through(database.url, proxy.port), tableName: PREFIX });
    const direct = new TypeormStore({ dataSource: admin, tableName: PREFIX });
    try {
      await store.start(createStoreContext({ logger }));
      expect(log).toEqual([
        expect.stringMatching(/Notifications of PostgreSQL at .* do not arrive.*PgBouncer.*notify: false/),
      ]);
      expect(store.capabilities.wakeUp).toBe('polled');
      await direct.start(createStoreContext({ logger }));
      expect(direct.capabilities.wakeUp).toBe('pushed');
      expect(log).toHaveLength(1);
    } finally {
      await store.shutdown();
      await direct.shutdown();
      await proxy.stop();
      await dropTables(admin, PREFIX);
      await admin.destroy();
    }
  });

  it('can be turned off', async () => {
    // Other tests listen on this database too.
    const dataSource = await database.open({ applicationName: PREFIX } as Partial<DataSourceOptions>);
    const store = new TypeormStore({ dataSource, tableName: PREFIX, notify: false });
    expect(store.capabilities.wakeUp).toBe('polled');
    await store.start(createStoreContext());
    const listening = (await dataSource.query(
      `SELECT 1 FROM pg_stat_activity WHERE query LIKE 'LISTEN%' AND application_name = '${PREFIX}'`,
    )) as object[];
    await store.wake(0);
    await store.shutdown();
    await dropTables(dataSource, PREFIX);
    await dataSource.destroy();
    expect(listening).toEqual([]);
  });
});

describe('wake-ups by MySQL', () => {
  const database = mysql();

  it('tell of a task that was added', async () => {
    const admin = await database.open();
    const stores = [1, 2].map(() => new TypeormStore({ dataSource: admin, tableName: PREFIX }));
    const [store, other] = stores as [TypeormStore, TypeormStore];
    try {
      for (const each of stores) await each.start(createStoreContext());
      // What has rung at a start may still be heard.
      await until(() => isSilent(admin), { what: 'silence' });
      let woken = 0;
      other.onWake(() => (woken += 1));
      await store.addTask(makeTask('a', { nextRunTime: (await store.now()) - 1 }));
      await until(() => woken > 0, { what: 'the other one to be woken' });
    } finally {
      for (const each of stores) await each.shutdown();
      await dropTables(admin, PREFIX);
      await admin.destroy();
    }
  });

  it('can be turned off', async () => {
    const store = new TypeormStore({ database: database.url, tableName: PREFIX, notify: false });
    await store.start(createStoreContext());
    let woken = 0;
    const admin = await database.open();
    const other = new TypeormStore({ dataSource: admin, tableName: PREFIX });
    await other.start(createStoreContext());
    store.onWake(() => (woken += 1));
    await other.wake(0);
    await until(() => isSilent(admin), { what: 'silence' });
    expect({ woken, wakeUp: store.capabilities.wakeUp }).toEqual({ woken: 0, wakeUp: 'polled' });
    await other.shutdown();
    await store.shutdown();
    await dropTables(admin, PREFIX);
    await admin.destroy();
  });

  /** Whether nobody rings. */
  async function isSilent(admin: Awaited<ReturnType<typeof database.open>>): Promise<boolean> {
    const ringing = (await admin.query(
      "SELECT 1 FROM information_schema.processlist WHERE info LIKE '%GET_LOCK(%' AND info NOT LIKE '%processlist%'",
    )) as object[];
    return ringing.length === 0;
  }
});

describe('wake-ups beside an SQLite file', () => {
  it('tell other processes of a task that was added, and not the one who added it', async () => {
    const database = sqlite();
    const stores = [1, 2].map(() => new TypeormStore({ database: database.url }));
    const [store, other] = stores as [TypeormStore, TypeormStore];
    const folder = `${database.url.slice('sqlite:'.length)}-wake`;
    try {
      for (const each of stores) await each.start(createStoreContext());
      const woken = { store: 0, other: 0 };
      store.onWake(() => (woken.store += 1));
      other.onWake(() => (woken.other += 1));
      await store.addTask(makeTask('a', { nextRunTime: (await store.now()) - 1 }));
      await until(() => woken.other > 0, { what: 'the other one to be woken' });
      expect(woken.store).toBe(0);
      expect(readdirSync(folder)).toHaveLength(1);
    } finally {
      for (const each of stores) await each.shutdown();
    }
    expect(readdirSync(folder)).toEqual([]);
    database.remove();
  });

  it('are polled for where the folder cannot be watched, and where they are turned off', async () => {
    const database = sqlite();
    const file = database.url.slice('sqlite:'.length);
    const off = new TypeormStore({ database: database.url, notify: false });
    await off.start(createStoreContext());
    expect(off.capabilities.wakeUp).toBe('polled');
    await off.shutdown();
    expect(existsSync(`${file}-wake`)).toBe(false);
    const log: string[] = [];
    const logger = { debug() {}, error() {}, info() {}, warn: (message: string) => log.push(message) };
    writeFileSync(`${file}-wake`, 'somebody else has this name');
    const store = new TypeormStore({ database: database.url });
    await store.start(createStoreContext({ logger }));
    await store.wake(0);
    await store.shutdown();
    database.remove();
    expect({ wakeUp: store.capabilities.wakeUp, log }).toEqual({
      wakeUp: 'polled',
      log: [expect.stringContaining('-wake')],
    });
  });
});
