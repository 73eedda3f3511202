import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import mongoose from 'mongoose';
import { Redis } from 'ioredis';
import { DataSource } from 'typeorm';
import { FileStore } from '../../lib/stores/file/file.store.js';
import { MongooseStore } from '../../lib/stores/mongoose/mongoose.store.js';
import { RedisStore } from '../../lib/stores/redis/redis.store.js';
import type { Store } from '../../lib/stores/store.interface.js';
import { TypeormStore } from '../../lib/stores/typeorm/typeorm.store.js';
import { createStoreContext } from '../../lib/testing/store-context.js';
import { mysqlUrl, postgresUrl, redisUrl } from '../support/server-urls.js';
import { MONGODB, STAND_IN } from '../support/servers/mongodb.server.mjs';
import { MARIADB_TROUBLES, MONGODB_TROUBLES, POSTGRES_TROUBLES, REDIS_TROUBLES } from './server.troubles.js';
import type { ServerTroubles } from './server.troubles.js';
import type { ClusterStore } from './scheduler.process.js';

/** The place of one scenario's tasks. */
export interface Backing {
  readonly store: ClusterStore;
  open(): Store;
  /** Removes all records, as somebody who does not know of the schedulers: what the store has made stays. */
  empty(): Promise<void>;
  /** Removes what was made. */
  dispose(): Promise<void>;
}

/** A kind of store that coordinates more than one process. */
export interface ClusterStoreKind {
  readonly name: string;
  /** The MongoDB stand-in is slow, and gets fewer tasks: see `test/support/mongodb`. */
  readonly slow: boolean;
  /** The server; null where processes share a file, and with it the clock of their machine. */
  readonly server: (ServerTroubles & { url(): string }) | null;
  /** A new and empty place. `url`: on this server instead of the usual one. */
  create(url?: string): Backing;
}

const unique = () => `asyncz_c${randomBytes(5).toString('hex')}`;

function typeorm(
  type: 'postgres' | 'mysql' | 'better-sqlite3',
  url: string,
  dispose: (tableName: string) => Promise<void>,
): Backing {
  const options = { database: url, tableName: unique() };
  return {
    empty: () => eachTable(type, url, options.tableName, (table) => `DELETE FROM ${table}`),
    store: { module: 'stores/typeorm/typeorm.store.js', className: 'TypeormStore', options },
    open: () => new TypeormStore(options),
    dispose: () => dispose(options.tableName),
  };
}

async function eachTable(
  type: 'postgres' | 'mysql' | 'better-sqlite3',
  url: string,
  tableName: string,
  statementOf: (table: string) => string,
): Promise<void> {
  const options = type === 'better-sqlite3' ? { type, database: url.replace(/^sqlite:/, '') } : { type, url };
  const dataSource = await new DataSource(options).initialize();
  for (const table of ['tasks', 'runs', 'schedulers', 'journal'])
    await dataSource.query(statementOf(`${tableName}_${table}`));
  await dataSource.destroy();
}

function dropTables(type: 'postgres' | 'mysql', url: string, tableName: string): Promise<void> {
  return eachTable(type, url, tableName, (table) => `DROP TABLE IF EXISTS ${table}`);
}

function redis(url: string): Backing {
  const prefix = unique();
  const options = { url, tasksKey: `${prefix}.tasks`, runTimesKey: `${prefix}.run_times` };
  const empty = async () => {
    const client = new Redis(url);
    // At once: a scheduler that notices in between would add its mark to what is emptied further.
    const keys = await client.keys(`*${prefix}*`);
    if (keys.length > 0) await client.unlink(keys);
    await client.quit();
  };
  return {
    empty,
    store: { module: 'stores/redis/redis.store.js', className: 'RedisStore', options },
    open: () => new RedisStore(options),
    dispose: empty,
  };
}

function mongodb(uri: string): Backing {
  const options = { uri, database: unique() };
  return {
    store: { module: 'stores/mongoose/mongoose.store.js', className: 'MongooseStore', options },
    open: () => new MongooseStore(options),
    async empty() {
      const connection = await mongoose.createConnection(uri, { dbName: options.database }).asPromise();
      for (const collection of await connection.db!.collections()) await collection.deleteMany({});
      await connection.close();
    },
    async dispose() {
      const connection = await mongoose.createConnection(uri, { dbName: options.database }).asPromise();
      await connection.dropDatabase();
      await connection.close();
    },
  };
}

function sqlite(): Backing {
  const folder = mkdtempSync(join(tmpdir(), 'asyncz-sqlite-'));
  const url = `sqlite:${join(folder, 'asyncz.db')}`;
  return typeorm('better-sqlite3', url, async () => rmSync(folder, { recursive: true }));
}

function files(): Backing {
  const directory = mkdtempSync(join(tmpdir(), 'asyncz-files-'));
  return {
    store: { module: 'stores/file/file.store.js', className: 'FileStore', options: { directory } },
    open: () => new FileStore({ directory }),
    async empty() {
      // What is in no file yet no hand can remove while processes run.
      const store = new FileStore({ directory });
      await store.start({ ...createStoreContext(), scheduler: { name: 'default', identity: 'somebody' } });
      await Promise.all((await store.getAllTasks()).map(({ id }) => store.deleteTask(id)));
      await store.shutdown();
    },
    dispose: async () => rmSync(directory, { recursive: true }),
  };
}

/** Whether MongoDB is the stand-in: it is where no address is given, or `npm test` says so. */
function isStandIn(): boolean {
  return process.env[STAND_IN] !== undefined || process.env[MONGODB.variable] === undefined;
}

/** @param mongodbUrl The server that the tests of this file have. */
export function clusterStores(mongodbUrl: () => string): readonly ClusterStoreKind[] {
  return [
    {
      name: 'PostgreSQL',
      slow: false,
      server: { url: postgresUrl, ...POSTGRES_TROUBLES },
      create: (url = postgresUrl()) => typeorm('postgres', url, (tableName) => dropTables('postgres', url, tableName)),
    },
    {
      name: 'MariaDB',
      slow: false,
      server: { url: mysqlUrl, ...MARIADB_TROUBLES },
      create: (url = mysqlUrl()) => typeorm('mysql', url, (tableName) => dropTables('mysql', url, tableName)),
    },
    { name: 'SQLite', slow: false, server: null, create: sqlite },
    {
      name: 'Redis',
      slow: false,
      server: { url: redisUrl, ...REDIS_TROUBLES },
      create: (url = redisUrl()) => redis(url),
    },
    {
      name: 'MongoDB',
      slow: isStandIn(),
      server: { url: mongodbUrl, ...MONGODB_TROUBLES },
      create: (url = mongodbUrl()) => mongodb(url),
    },
    { name: 'files', slow: false, server: null, create: files },
  ];
}

/** The same place, reached through another port. */
export function through(port: number, { module, className, options }: ClusterStore): ClusterStore {
  const moved = Object.entries(options).map(([name, value]) => {
    if (typeof value !== 'string' || !/^\w+:\/\//.test(value)) return [name, value];
    const url = new URL(value);
    url.hostname = '127.0.0.1';
    url.port = String(port);
    return [name, url.href];
  });
  return { module, className, options: Object.fromEntries(moved) as object };
}

/** The port of a server's URL. */
export function portOf(url: string): number {
  const { port, protocol } = new URL(url);
  const usual: Record<string, number> = { 'postgres:': 5432, 'mysql:': 3306, 'redis:': 6379, 'mongodb:': 27017 };
  return Number(port || usual[protocol]);
}
