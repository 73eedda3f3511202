import { show } from '../errors/asyncz.error.js';
import { MissingDependencyError } from '../errors/dependency.error.js';
import { InvalidOptionError, rejectUnknownOptions, UnknownNameError } from '../errors/input.errors.js';
import { FileStore } from '../stores/file/file.store.js';
import type { FileStoreOptions } from '../stores/file/file-store.options.js';
import { MemoryStore } from '../stores/memory/memory.store.js';
import type { MongooseStoreOptions } from '../stores/mongoose/mongoose.options.js';
import type { Awaitable, Store } from '../stores/store.interface.js';
import type { StoreTypeFactory } from './module.options.js';

/**
 * The store types that are known by name. Those that need a package are loaded when they are used: the core runs with
 * none of them installed.
 */
const STORE_TYPES: Readonly<Record<string, StoreTypeFactory>> = {
  memory: (options) => {
    rejectUnknownOptions('the memory store', options, []);
    return new MemoryStore();
  },
  file: (options) => new FileStore(options as unknown as FileStoreOptions),
  typeorm: openTypeorm,
  sql: openTypeorm,
  sqlalchemy: openTypeorm,
  redis: async (options) =>
    new (await load('redis', 'ioredis', () => import('../stores/redis/redis.store.js'))).RedisStore(options),
  mongodb: openMongodb,
  mongo: openMongodb,
};

/** What else people call a store, and what they mean. */
const MEANT: Readonly<Record<string, string>> = {
  ...Object.fromEntries(
    ['postgres', 'mysql', 'mariadb', 'mssql', 'cockroachdb'].map((database) => [
      database,
      `{ type: "typeorm", url: "${database}://user:password@host/database" }`,
    ]),
  ),
  postgresql: '{ type: "typeorm", url: "postgres://user:password@host/database" }',
  pg: '{ type: "typeorm", url: "postgres://user:password@host/database" }',
  sqlite: '{ type: "typeorm", url: "sqlite:./file.db" }',
  'better-sqlite3': '{ type: "typeorm", url: "sqlite:./file.db" }',
  mongoose: '{ type: "mongodb", url: "mongodb://host/database" }',
  ioredis: '{ type: "redis", url: "redis://host:port" }',
  valkey: '{ type: "redis", url: "redis://host:port" }',
};

/**
 * Makes a store of the name of its type and its options.
 *
 * @param own The types of the application.
 * @throws UnknownNameError, MissingDependencyError, and what the type throws for its options.
 */
export function createStoreOfType(
  type: string,
  options: Readonly<Record<string, unknown>>,
  own: Readonly<Record<string, StoreTypeFactory>>,
): Awaitable<Store> {
  const types = { ...STORE_TYPES, ...own };
  if (Object.hasOwn(types, type)) return types[type]!(options);
  const meant = Object.hasOwn(MEANT, type) ? `Meant is ${MEANT[type]}.` : undefined;
  throw new UnknownNameError('store type', type, Object.keys(types), meant);
}

/** With a connection of its own, or a data source at hand: the application's by name only `typeormStore()` can ask for. */
async function openTypeorm(options: Readonly<Record<string, unknown>>): Promise<Store> {
  const { dataSource, database, url } = options;
  if ((dataSource ?? database ?? url) === undefined || typeof dataSource === 'string') {
    throw new InvalidOptionError(
      'dataSource',
      dataSource,
      'a DataSource, or else a url or options of a DataSource under "database"; the data source of the application is ' +
        'injected by typeormStore() of nestjs-asyncz/typeorm',
    );
  }
  const { TypeormStore } = await load('typeorm', 'typeorm', () => import('../stores/typeorm/typeorm.store.js'));
  return new TypeormStore(options);
}

async function openMongodb(options: Readonly<Record<string, unknown>>): Promise<Store> {
  const { url, uri, host, connection, client } = options;
  if ([url, uri, host, connection, client].every((one) => one === undefined)) {
    throw new InvalidOptionError(
      'url',
      url,
      'mongodb://host:port/database, or else a host, a connection or a client; the connection of the application is ' +
        'injected by mongooseStore() of nestjs-asyncz/mongoose',
    );
  }
  const { MongooseStore } = await load('mongodb', 'mongoose', () => import('../stores/mongoose/mongoose.store.js'));
  return new MongooseStore(options as unknown as MongooseStoreOptions);
}

/** Loads what needs a package that may not be installed. @throws MissingDependencyError */
async function load<T>(type: string, name: string, module: () => Promise<T>): Promise<T> {
  try {
    return await module();
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    const isMissing = (code === 'ERR_MODULE_NOT_FOUND' || code === 'MODULE_NOT_FOUND') && message.includes(`'${name}'`);
    if (!isMissing) throw error;
    throw new MissingDependencyError(
      `The store type ${show(type)} of nestjs-asyncz`,
      `the package ${name}`,
      `Install it: npm install ${name}`,
      { cause: error },
    );
  }
}
