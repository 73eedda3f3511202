import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { FileStore, MemoryStore } from 'nestjs-asyncz';
import type { BaseStore } from 'nestjs-asyncz/store';
import { RedisStore } from 'nestjs-asyncz/redis';
import { TypeormStore } from 'nestjs-asyncz/typeorm';
import { dropTables, mysql, postgres } from './typeorm/support/databases.js';
import type { TestDatabase } from './typeorm/support/databases.js';
import { redisUrl } from '../support/server-urls.js';

const nameOf = (what: string): string => `${what}_${process.pid}`;

/** A place that keeps tasks. */
export interface Place {
  readonly name: string;
  /** @param what Names what a test keeps there, and nothing else. */
  readonly open: (what: string) => { readonly store: BaseStore; readonly close: () => Promise<unknown> };
}

const typeorm = (database: TestDatabase): Place => ({
  name: database.name,
  open: (what) => ({
    store: new TypeormStore({ database: database.url, tableName: nameOf(what) }),
    close: async () => {
      const dataSource = await database.open();
      await dropTables(dataSource, nameOf(what));
      await dataSource.destroy();
    },
  }),
});

/** Each kind of built-in store but MongoDB, on a real server. */
export const PLACES: readonly Place[] = [
  { name: 'memory', open: () => ({ store: new MemoryStore(), close: async () => {} }) },
  {
    name: 'files',
    open: (what) => {
      const directory = mkdtempSync(join(tmpdir(), `asyncz-${what}-`));
      return {
        store: new FileStore({ directory }),
        close: async () => rmSync(directory, { recursive: true, force: true }),
      };
    },
  },
  typeorm({ ...postgres(), name: 'PostgreSQL' }),
  typeorm(mysql()),
  {
    name: 'SQLite',
    open: (what) => {
      const directory = mkdtempSync(join(tmpdir(), `asyncz-${what}-`));
      return {
        store: new TypeormStore({ database: `sqlite:${join(directory, 'tasks.db')}`, tableName: nameOf(what) }),
        close: async () => rmSync(directory, { recursive: true, force: true }),
      };
    },
  },
  {
    name: 'Redis',
    open: (what) => ({
      store: new RedisStore({
        url: redisUrl(),
        tasksKey: `${nameOf(what)}.tasks`,
        runTimesKey: `${nameOf(what)}.times`,
      }),
      close: async () => {
        const redis = new Redis(redisUrl());
        const keys = await redis.keys(`*${nameOf(what)}*`);
        if (keys.length > 0) await redis.del(...keys);
        await redis.quit();
      },
    }),
  },
];
