import type { EventEmitter } from 'node:events';
import { DataSource } from 'typeorm';
import type { DataSourceOptions } from 'typeorm';
import { describe, expect, it, onTestFinished } from 'vitest';
import { createStoreContext } from 'nestjs-asyncz/testing';
import { TypeormStore } from 'nestjs-asyncz/typeorm';
import { dropTables, mysql, postgres } from './support/databases.js';

const SERVERS = [
  { type: 'postgres', url: postgres().url, pool: 'master', event: 'connect' },
  { type: 'mariadb', url: mysql().url.replace(/^mysql:/, 'mariadb:'), pool: 'pool', event: 'connection' },
] as const;

describe.each(SERVERS)('a store on a data source of the application, $type', ({ type, url, pool, event }) => {
  it('leaves no listener behind, however often it is started, and when the start fails', async () => {
    const dataSource = await new DataSource({ type, url } as DataSourceOptions).initialize();
    const tableName = `asyncz_listeners_${process.pid}`;
    onTestFinished(async () => {
      await dropTables(dataSource, tableName);
      await dataSource.destroy();
    });
    const emitter = (dataSource.driver as unknown as Record<string, EventEmitter>)[pool]!;
    const startAndStop = async () => {
      const store = new TypeormStore({ dataSource, tableName });
      await store.start(createStoreContext());
      const during = emitter.listenerCount(event);
      await store.shutdown();
      return during;
    };
    await startAndStop();
    // PostgreSQL's pool keeps one of the first start, which is for all.
    const before = emitter.listenerCount(event);
    for (let time = 0; time < 3; time += 1) {
      expect(await startAndStop()).toBe(before + 1);
      expect(emitter.listenerCount(event)).toBe(before);
    }
    const lost = new TypeormStore({ dataSource, tableName: `${tableName}_none`, createSchema: false });
    await expect((async () => lost.start(createStoreContext()))()).rejects.toThrow();
    expect(emitter.listenerCount(event)).toBe(before);
  });
});
