import { after, before, describe, it } from 'node:test';
import ioredis from 'ioredis';
import mongoose from 'mongoose';
import { MongooseStore } from 'nestjs-asyncz/mongoose';
import { RedisStore } from 'nestjs-asyncz/redis';
import { describeStore } from 'nestjs-asyncz/testing';
import { TypeormStore } from 'nestjs-asyncz/typeorm';
import typeorm from 'typeorm';
import { DATA_SOURCES, MONGODB_DATABASE, NAMES, placeOf } from './stores.mjs';

/** Its promise is for those who start tests in tests. */
const group = (name, body) => void describe(name, body);

const hooks = { describe: group, it: (name, body, timeoutMs) => void it(name, { timeout: timeoutMs }, body) };

function onSql(name) {
  let dataSource;
  group(name, () => {
    before(async () => {
      dataSource = await new typeorm.DataSource(DATA_SOURCES[name]).initialize();
    });
    after(() => dataSource.destroy());
    const open = (namespace, given) => new TypeormStore({ dataSource: given, tableName: placeOf(namespace) });
    describeStore(`TypeormStore on ${name}`, ({ namespace }) => open(namespace, dataSource), {
      ...hooks,
      volume: 2_000,
      cleanup: async ({ namespace }) => {
        for (const table of ['tasks', 'runs', 'schedulers']) {
          await dataSource.query(`DROP TABLE IF EXISTS ${placeOf(namespace)}_${table}`);
        }
      },
      borrow: async ({ namespace }) => {
        const own = await new typeorm.DataSource(DATA_SOURCES[name]).initialize();
        return {
          store: open(namespace, own),
          isOpen: async () => own.isInitialized && Array.isArray(await own.query('SELECT 1')),
          close: () => own.destroy(),
        };
      },
      transaction: (_, work) => dataSource.transaction((manager) => work(manager)),
    });
  });
}

function onRedis() {
  const url = process.env.ASYNCZ_TEST_REDIS_URL;
  const keys = (namespace) => ({
    tasksKey: `${placeOf(namespace)}.tasks`,
    runTimesKey: `${placeOf(namespace)}.run_times`,
  });
  let admin;
  group('redis', () => {
    before(() => {
      admin = new ioredis.default(url);
    });
    after(() => admin.quit());
    describeStore('RedisStore', ({ namespace }) => new RedisStore({ url, ...keys(namespace) }), {
      ...hooks,
      volume: 2_000,
      cleanup: async ({ namespace }) => {
        for (const key of await admin.keys(`*${placeOf(namespace)}*`)) await admin.del(key);
      },
      borrow: ({ namespace }) => {
        const client = new ioredis.default(url);
        return {
          store: new RedisStore({ client, ...keys(namespace) }),
          isOpen: async () => (await client.ping()) === 'PONG',
          close: () => client.disconnect(),
        };
      },
    });
  });
}

function onMongodb() {
  const uri = process.env.ASYNCZ_TEST_MONGODB_URL;
  const place = (namespace) => ({ database: MONGODB_DATABASE, collection: `${placeOf(namespace)}_tasks` });
  let admin;
  group('mongodb', () => {
    before(async () => {
      admin = await mongoose.createConnection(uri, { dbName: MONGODB_DATABASE }).asPromise();
    });
    after(async () => {
      await admin.dropDatabase();
      await admin.close();
    });
    describeStore('MongooseStore', ({ namespace }) => new MongooseStore({ uri, ...place(namespace) }), {
      ...hooks,
      // The stand-in is slow, and what is encrypted is the same to it.
      encryption: ['plain'],
      volume: 70,
      leaseMs: 1_000,
      cleanup: async ({ namespace }) => {
        for (const kind of ['tasks', 'runs', 'journal', 'schedulers', 'wakes']) {
          await admin.db.dropCollection(`${placeOf(namespace)}_${kind}`).catch(() => {});
        }
      },
      borrow: async ({ namespace }) => {
        const connection = await mongoose.createConnection(uri).asPromise();
        return {
          store: new MongooseStore({ connection, ...place(namespace) }),
          isOpen: async () => (await connection.db.admin().ping()).ok === 1,
          close: () => connection.close(),
        };
      },
      transaction: (_, work) =>
        admin.getClient().withSession((session) => session.withTransaction(() => work(session))),
    });
  });
}

for (const name of NAMES) {
  if (name in DATA_SOURCES) onSql(name);
  else if (name === 'redis') onRedis();
  else onMongodb();
}
