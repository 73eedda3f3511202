// Where the data of a run is: a database, a folder or a key prefix of its own, by the name of the run alone, so that another
// process can remove what a run left that was ended.
import { mkdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const urlOf = (name, fallback) => process.env[`ASYNCZ_TEST_${name}_URL`] ?? fallback;

/** The same server, another database. */
function withDatabase(url, database) {
  const other = new URL(url);
  // MongoDB looks for a user in the database of the address.
  if (other.protocol.startsWith('mongodb') && other.username && !other.searchParams.has('authSource'))
    other.searchParams.set('authSource', other.pathname.slice(1) || 'admin');
  other.pathname = `/${database}`;
  return other.href;
}

const FOLDER = {
  url: () => null,
  create: ({ folder }) => mkdirSync(folder, { recursive: true }),
  remove: ({ folder }) => rmSync(folder, { recursive: true, force: true }),
  version: () => null,
};

async function askPostgres(url, text) {
  const { default: pg } = await import('pg');
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return (await client.query(text)).rows;
  } finally {
    await client.end();
  }
}

async function askMysql(url, text) {
  const { createConnection } = await import('mysql2/promise');
  const connection = await createConnection(url);
  try {
    return (await connection.query(text))[0];
  } finally {
    await connection.end();
  }
}

/** Resolves with what a client of the server makes of it. */
async function withRedis(url, work) {
  const { Redis } = await import('ioredis');
  const client = new Redis(url);
  try {
    return await work(client);
  } finally {
    client.disconnect();
  }
}

async function withMongo(url, work) {
  const { MongoClient } = await import('mongodb');
  const client = await MongoClient.connect(url);
  try {
    return await work(client);
  } finally {
    await client.close();
  }
}

/** The first part of the name of all that a run makes. */
export const PREFIX = 'asyncz_bench_';

/** By store: the address of the server, if there is one, and how a place for one run is made and removed. */
const PLACES = {
  memory: { ...FOLDER, create: () => {}, remove: () => {} },
  files: FOLDER,
  sqlite: {
    ...FOLDER,
    version: async () => {
      const { default: Database } = await import('better-sqlite3');
      return `SQLite ${new Database(':memory:').prepare('SELECT sqlite_version() AS it').get().it}`;
    },
  },
  redis: {
    url: () => urlOf('REDIS', 'redis://127.0.0.1:6379'),
    create: () => {},
    remove: ({ url, name }) =>
      withRedis(url, async (client) => {
        for (let cursor = '0'; ;) {
          const [next, keys] = await client.scan(cursor, 'MATCH', `*${name}*`, 'COUNT', 10_000);
          if (keys.length > 0) await client.unlink(keys);
          if ((cursor = next) === '0') return;
        }
      }),
    version: async ({ url }) => {
      return withRedis(url, async (client) => {
        const info = await client.info('server');
        const [, save] = await client.config('GET', 'save');
        const [, appendOnly] = await client.config('GET', 'appendonly');
        return `Redis ${/redis_version:(\S+)/.exec(info)[1]} (appendonly ${appendOnly}, save "${save}")`;
      });
    },
  },
  postgres: {
    url: () => urlOf('POSTGRES', 'postgres://postgres@127.0.0.1:5432/postgres'),
    create: ({ server, name }) => askPostgres(server, `CREATE DATABASE ${name}`),
    remove: ({ server, name }) => askPostgres(server, `DROP DATABASE IF EXISTS ${name} WITH (FORCE)`),
    at: withDatabase,
    version: async ({ server }) => {
      const settings = ['server_version', 'shared_buffers', 'synchronous_commit', 'fsync'];
      const found = await Promise.all(settings.map((name) => askPostgres(server, `SHOW ${name}`)));
      const [version, ...others] = found.map(([row], at) => `${settings[at]} ${row[settings[at]]}`);
      return `PostgreSQL ${version.split(' ')[1]} (${others.join(', ')})`;
    },
  },
  mariadb: {
    url: () => urlOf('MYSQL', 'mysql://root@127.0.0.1:3306/mysql'),
    create: ({ server, name }) => askMysql(server, `CREATE DATABASE ${name}`),
    remove: ({ server, name }) => askMysql(server, `DROP DATABASE IF EXISTS ${name}`),
    at: withDatabase,
    version: async ({ server }) => {
      const [row] = await askMysql(
        server,
        'SELECT version() AS version, @@innodb_flush_log_at_trx_commit AS flush, @@innodb_buffer_pool_size AS pool',
      );
      return `${row.version} (innodb_flush_log_at_trx_commit ${row.flush}, buffer pool ${row.pool >> 20} MiB)`;
    },
  },
  mongodb: {
    // Nowhere by default: a server is used only where somebody says so.
    url: () => urlOf('MONGODB', null),
    create: () => {},
    remove: ({ url, name }) => withMongo(url, (client) => client.db(name).dropDatabase()),
    at: withDatabase,
    version: async ({ url }) => {
      const { version, ferretdb } = await withMongo(url, (client) => client.db('admin').command({ buildInfo: 1 }));
      return ferretdb ? `FerretDB ${ferretdb.version} (speaks MongoDB ${version})` : `MongoDB ${version}`;
    },
  },
};

export const STORES = Object.keys(PLACES);

/** The address of the server of a store: null for one without, undefined where none is configured. */
export function serverUrl(store) {
  const url = PLACES[store].url();
  return url === null && store === 'mongodb' ? undefined : url;
}

/** The port of a store's server; null for a store without one. */
export function portOf(store) {
  const url = serverUrl(store);
  if (!url) return null;
  const usual = { 'redis:': 6379, 'postgres:': 5432, 'postgresql:': 5432, 'mysql:': 3306, 'mongodb:': 27017 };
  const { port, protocol } = new URL(url);
  return Number(port) || usual[protocol] || null;
}

/** What a run has for itself: the address of its own database, or its folder, or its name as a prefix of keys. */
export function placeOf(store, name) {
  const server = serverUrl(store);
  const { at } = PLACES[store];
  return { store, name, server, url: at ? at(server, name) : server, folder: join(tmpdir(), name) };
}

export const createPlace = (place) => PLACES[place.store].create(place);

export const removePlace = (place) => PLACES[place.store].remove(place);

/**
 * Says which server it is, and how it is configured; null for a store without one.
 *
 * @throws Error When it does not answer.
 */
export const describeServer = (store) => PLACES[store].version(placeOf(store, 'none'));
