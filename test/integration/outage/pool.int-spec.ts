import { afterEach, describe, expect, it } from 'vitest';
import { createStoreContext, makeTask } from 'nestjs-asyncz/testing';
import { TypeormStore } from 'nestjs-asyncz/typeorm';
import { DataSource } from 'typeorm';
import type { DataSourceOptions } from 'typeorm';
import { portOf } from '../../cluster/cluster.stores.js';
import { mysqlUrl, postgresUrl } from '../../support/server-urls.js';
import { TcpProxy } from '../../support/tcp.proxy.js';
import { dropTables, through } from '../typeorm/support/databases.js';

const TIMEOUT_MS = 1_500;
const CONNECTIONS = 5;

let closing: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).toReversed()) await close();
});

describe.each([
  ['postgres', postgresUrl()],
  ['mysql', mysqlUrl()],
] as const)('a pool of %s whose connections the network has lost', (type, url) => {
  it.each(['of the store', 'of the application'])('costs one timeout, however many they are: %s', async (whose) => {
    const tableName = `pool_${process.pid}`;
    const proxy = await TcpProxy.start(portOf(url));
    closing.push(() => proxy.stop());
    const admin = await new DataSource({ type, url } as DataSourceOptions).initialize();
    closing.push(() => admin.destroy());
    closing.push(() => dropTables(admin, tableName));
    const database = through(url, proxy.port);
    const settings = { tableName, operationTimeout: TIMEOUT_MS };
    let store = new TypeormStore({ database, ...settings });
    if (whose === 'of the application') {
      const dataSource = await new DataSource({ type, url: database } as DataSourceOptions).initialize();
      closing.push(() => dataSource.destroy().catch(() => {}));
      // Made before the store knows of it.
      await Promise.all(Array.from({ length: CONNECTIONS }, () => dataSource.query('SELECT 1')));
      store = new TypeormStore({ dataSource, ...settings });
    }
    await store.start(createStoreContext());
    closing.push(() => store.shutdown());
    await store.addTask(makeTask('a'));
    await Promise.all(Array.from({ length: CONNECTIONS }, () => store.lookupTask('a')));
    expect(proxy.ports.length).toBeGreaterThanOrEqual(CONNECTIONS);
    proxy.loseConnections();
    await expect(store.lookupTask('a')).rejects.toThrow(`no answer within ${TIMEOUT_MS} ms`);
    const start = performance.now();
    for (let times = 0; times < 2 * CONNECTIONS; times += 1) {
      expect(await store.lookupTask('a')).toMatchObject({ id: 'a' });
    }
    expect(performance.now() - start).toBeLessThan(TIMEOUT_MS);
    // Nothing is left behind that would be waited for.
    await store.shutdown();
  });
});
