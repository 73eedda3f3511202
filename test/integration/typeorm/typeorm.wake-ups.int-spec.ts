import type { DataSourceOptions } from 'typeorm';
import { describe, expect, it } from 'vitest';
import { TypeormStore } from '../../../lib/stores/typeorm/typeorm.store.js';
import { createStoreContext } from '../../../lib/testing/store-context.js';
import { until } from '../../../lib/testing/until.js';
import { TcpProxy } from '../../support/tcp.proxy.js';
import { dropTables, postgres, through } from './support/databases.js';

const PREFIX = `wakes_${process.pid}`;

describe('wake-ups by PostgreSQL', () => {
  const database = postgres();
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
