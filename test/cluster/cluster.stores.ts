import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { randomBytes } from 'node:crypto';
import { FileStore } from '../../lib/stores/file/file.store.js';
import { MongooseStore } from '../../lib/stores/mongoose/mongoose.store.js';
import { RedisStore } from '../../lib/stores/redis/redis.store.js';
import type { Store } from '../../lib/stores/store.interface.js';
import { TypeormStore } from '../../lib/stores/typeorm/typeorm.store.js';
import { mongodbUrl, mysqlUrl, postgresUrl, redisUrl } from '../support/server-urls.js';
import type { ClusterStore } from './scheduler.process.js';

/** A kind of store that the scenarios run on. */
export interface ClusterStoreKind {
  readonly name: string;
  /** The MongoDB stand-in is slow, and gets fewer tasks: see `test/support/mongodb`. */
  readonly slow: boolean;
  /** New and empty; `dispose` removes what it made. */
  create(): { store: ClusterStore; open(): Store; dispose(): Promise<void> };
}

const unique = () => `asyncz_c${randomBytes(5).toString('hex')}`;

function typeorm(name: string, database: () => { url: string; remove(): void }): ClusterStoreKind {
  return {
    name,
    slow: false,
    create() {
      const { url, remove } = database();
      const options = { database: url, tableName: unique() };
      return {
        store: { module: 'stores/typeorm/index.js', className: 'TypeormStore', options },
        open: () => new TypeormStore(options),
        async dispose() {
          const { DataSource } = await import('typeorm');
          if (!url.startsWith('sqlite')) {
            const type = url.startsWith('mysql') ? 'mysql' : 'postgres';
            const dataSource = await new DataSource({ type, url }).initialize();
            for (const table of ['tasks', 'runs', 'schedulers']) {
              await dataSource.query(`DROP TABLE IF EXISTS ${options.tableName}_${table}`);
            }
            await dataSource.destroy();
          }
          remove();
        },
      };
    },
  };
}

function sqliteFile() {
  const folder = mkdtempSync(join(tmpdir(), 'asyncz-sqlite-'));
  return { url: `sqlite:${join(folder, 'asyncz.db')}`, remove: () => rmSync(folder, { recursive: true, force: true }) };
}

const server = (url: () => string) => () => ({ url: url(), remove: () => {} });

/** Every kind of store that coordinates more than one process. */
export const CLUSTER_STORES: readonly ClusterStoreKind[] = [
  typeorm('PostgreSQL', server(postgresUrl)),
  typeorm('MariaDB', server(mysqlUrl)),
  typeorm('SQLite', sqliteFile),
  {
    name: 'Redis',
    slow: false,
    create() {
      const prefix = unique();
      const options = { url: redisUrl(), tasksKey: `${prefix}.tasks`, runTimesKey: `${prefix}.run_times` };
      return {
        store: { module: 'stores/redis/index.js', className: 'RedisStore', options },
        open: () => new RedisStore(options),
        async dispose() {
          const { Redis } = await import('ioredis');
          const client = new Redis(redisUrl());
          for (const key of await client.keys(`*${prefix}*`)) await client.del(key);
          await client.quit();
        },
      };
    },
  },
  {
    name: 'MongoDB',
    slow: true,
    create() {
      const options = { uri: mongodbUrl(), database: unique() };
      return {
        store: { module: 'stores/mongoose/index.js', className: 'MongooseStore', options },
        open: () => new MongooseStore(options),
        async dispose() {
          const { default: mongoose } = await import('mongoose');
          const connection = await mongoose.createConnection(options.uri, { dbName: options.database }).asPromise();
          await connection.dropDatabase();
          await connection.close();
        },
      };
    },
  },
  {
    name: 'files',
    slow: false,
    create() {
      const directory = mkdtempSync(join(tmpdir(), 'asyncz-files-'));
      return {
        store: { module: 'stores/file/file.store.js', className: 'FileStore', options: { directory } },
        open: () => new FileStore({ directory }),
        async dispose() {
          rmSync(directory, { recursive: true, force: true });
        },
      };
    },
  },
];
