import { MongooseModule } from '@nestjs/mongoose';
import { NestFactory } from '@nestjs/core';
import { Test } from '@nestjs/testing';
import mongoose, { createConnection } from 'mongoose';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { AsynczModule, SchedulerService } from 'nestjs-asyncz';
import { createStoreContext, makeTask, until } from 'nestjs-asyncz/testing';
import { mongooseStore, MongooseStore } from 'nestjs-asyncz/mongoose';
import { KillableStandIn, useMongodb } from '../../support/mongodb.js';
import { freePort } from '../../support/servers/owned-process.mjs';
import { TcpProxy } from '../../support/tcp.proxy.js';

const DATABASE = 'asyncz_connections';
/** More than the systems on the way take in, so that the driver waits for room; less than a document may have. */
const LONG = 'long'.repeat(3_000_000);
const server = useMongodb();
let names = 0;
let collection: string;
let stores: MongooseStore[];

beforeEach(() => {
  names += 1;
  collection = `connections_${process.pid}_${names}_tasks`;
  stores = [];
});
afterEach(async () => {
  for (const store of stores) await store.shutdown();
  const database = server.client().db(DATABASE);
  for (const kind of ['tasks', 'runs', 'journal', 'schedulers', 'wakes']) {
    await database.collection(collection.replace('tasks', kind)).drop();
  }
});

/** A store that is started, and shut down after the test. */
async function started(store: MongooseStore, maxPayloadBytes?: number): Promise<MongooseStore> {
  await store.start(createStoreContext(maxPayloadBytes === undefined ? {} : { maxPayloadBytes }));
  stores.push(store);
  return store;
}

async function failureOf(work: () => Promise<unknown>): Promise<{ code?: string; message: string; tookMs: number }> {
  const begin = performance.now();
  try {
    await work();
  } catch (error) {
    const { code, message } = error as { code?: string; message: string };
    return { ...(code !== undefined && { code }), message, tookMs: performance.now() - begin };
  }
  throw new Error('It did not fail.');
}

describe('the connection of a MongoDB store', () => {
  it('is one of the application that still connects, and stays open', async () => {
    const connection = createConnection(server.url());
    const store = await started(new MongooseStore({ connection, database: DATABASE, collection }));
    await store.addTask(makeTask('a'));
    await store.shutdown();
    const tasks = connection.useDb(DATABASE).collection(collection);
    expect(await tasks.countDocuments()).toBe(1);
    await connection.close();
  });

  it('uses the database of the connection unless told otherwise', async () => {
    const connection = createConnection(server.url(), { dbName: DATABASE });
    const store = await started(new MongooseStore({ connection, collection }));
    await store.addTask(makeTask('a'));
    expect(await server.client().db(DATABASE).collection(collection).countDocuments()).toBe(1);
    await connection.close();
  });

  it("comes from the application's MongooseModule, also a named one", async () => {
    const options = { dbName: DATABASE, connectionName: 'second' };
    const module = await Test.createTestingModule({
      imports: [
        MongooseModule.forRoot(server.url(), { dbName: DATABASE }),
        MongooseModule.forRoot(server.url(), options),
      ],
      providers: [
        { provide: 'first', ...mongooseStore({ collection }) },
        { provide: 'second', ...mongooseStore({ collection, connectionName: 'second' }) },
      ],
    }).compile();
    const first = await started(module.get<MongooseStore>('first'));
    const second = await started(module.get<MongooseStore>('second'));
    await first.addTask(makeTask('a'));
    expect(await second.lookupTask('a')).toMatchObject({ id: 'a' });
    for (const store of stores.splice(0)) await store.shutdown();
    await module.close();
  });

  it('is a client of the application, whatever that does with numbers', async () => {
    const client = new mongoose.mongo.MongoClient(server.url(), { useBigInt64: true, ignoreUndefined: true });
    const store = await started(new MongooseStore({ client, database: DATABASE, collection }));
    await store.addTask(makeTask('a', { nextRunTime: 4_102_444_800_001 }));
    expect(await store.getNextRunTime()).toBe(4_102_444_800_001);
    await store.shutdown();
    expect(await client.db(DATABASE).command({ ping: 1 })).toMatchObject({ ok: 1 });
    await client.close();
  });

  it('is opened and closed by the store when it was given an address', async () => {
    const store = await started(new MongooseStore({ uri: server.url(), database: DATABASE, collection }));
    await store.addTask(makeTask('a'));
    await store.shutdown();
    expect((await failureOf(() => store.lookupTask('a'))).message).toContain('shut down');
    await store.start(createStoreContext());
    expect(await store.lookupTask('a')).toMatchObject({ id: 'a' });
  });

  it('is opened by the store with host and port too, and by type in a Nest application', async () => {
    const { hostname: host, port } = new URL(server.url());
    const client = server.client();
    for (const way of [{ host, port: Number(port) }, { url: server.url() }, { client }]) {
      const options = { ...way, database: DATABASE, collection };
      const app = await NestFactory.createApplicationContext(
        AsynczModule.forRoot({ stores: { default: { type: 'mongodb', ...options } } }),
        { logger: false },
      );
      const scheduler = app.get<SchedulerService>(SchedulerService, { strict: false });
      scheduler.registerHandler('work', () => 'done');
      const { id } = await scheduler.addTask({ handler: 'work', trigger: { type: 'interval', hours: 1 } });
      expect(
        await client
          .db(DATABASE)
          .collection(collection)
          .countDocuments({ _id: id as never }),
      ).toBe(1);
      await app.close();
    }
  });

  it('lets several stores start on nothing at the same time', async () => {
    const all = Array.from(
      { length: 4 },
      () => new MongooseStore({ uri: server.url(), database: DATABASE, collection }),
    );
    await Promise.all(all.map((store) => started(store)));
    const indexes = await server.client().db(DATABASE).collection(collection).indexes();
    const names = ['due', 'group_due', 'group_next', 'list', 'next', 'outbox', 'start'].map((name) => `asyncz_${name}`);
    expect(new Set(indexes.map(({ name }) => name))).toEqual(new Set(['_id_', ...names]));
  });

  it('fails the start with the address and the reason, and without the password, when nobody listens', async () => {
    const port = await freePort();
    const uri = `mongodb://me:secret@127.0.0.1:${port}/jobs`;
    const store = new MongooseStore({ uri, serverSelectionTimeoutMS: 300, collection });
    const { code, message, tookMs } = await failureOf(() => store.start(createStoreContext()));
    expect(code).toBe('ASYNCZ_STORE_UNAVAILABLE');
    expect(message).toContain(`MongoDB at 127.0.0.1:${port}, database "jobs" cannot be used: `);
    expect(message).toContain('ECONNREFUSED');
    expect(message).not.toContain('secret');
    expect(tookMs).toBeLessThan(3_000);
  });

  it('fails the start when a Mongoose connection was never opened', async () => {
    const store = new MongooseStore({ connection: createConnection(), collection });
    const { code, message } = await failureOf(() => store.start(createStoreContext()));
    expect(code).toBe('ASYNCZ_STORE_UNAVAILABLE');
    expect(message).toContain('openUri');
  });

  it('waits for a server that comes later, where connectRetry says so; rejects while it is away, and heals', async () => {
    const own = await KillableStandIn.start();
    try {
      await own.kill();
      const store = new MongooseStore({
        uri: own.url,
        database: DATABASE,
        collection,
        serverSelectionTimeoutMS: 200,
        connectRetry: { attempts: 100, delay: '100ms' },
      });
      const starting = store.start(createStoreContext());
      await own.startAgain();
      await starting;
      const now = await store.now();
      await store.addTasks([makeTask('a', { nextRunTime: now - 1 }), makeTask('b', { nextRunTime: now + 60_000 })]);
      await own.kill();
      for (const work of [
        () => store.lookupTask('a'),
        () => store.addTask(makeTask('c')),
        () => store.transact({ due: { limit: 9, handlers: null } }, () => null),
        () => store.nextDueFor({ handlers: null }),
      ]) {
        const { code, tookMs } = await failureOf(work);
        expect(code).toBe('ASYNCZ_STORE_UNAVAILABLE');
        expect(tookMs).toBeLessThan(5_000);
      }
      await store.wake(now);
      await own.startAgain();
      const healed = await until(() => store.getNextRunTime().catch(() => null), { what: 'the store to heal' });
      expect(healed).toBe(now - 1);
      expect((await store.getAllTasks()).map(({ id }) => id)).toEqual(['a', 'b']);
      await store.shutdown();
    } finally {
      await own.dispose();
    }
  });

  it('is told of as unavailable when it breaks in the middle of a long command', async () => {
    const target = new URL(server.url());
    const proxy = await TcpProxy.start(Number(target.port), { host: target.hostname });
    target.host = `127.0.0.1:${proxy.port}`;
    try {
      const options = { uri: target.href, database: DATABASE, collection };
      const store = await started(new MongooseStore(options), LONG.length + 1_000);
      const task = makeTask('a');
      await store.addTask(task);
      const changed = { ...makeTask('a', { args: [LONG] }), version: 2 };
      proxy.breakOffAt('longlong');
      expect(await failureOf(() => store.updateTask(changed, 1))).toMatchObject({ code: 'ASYNCZ_STORE_UNAVAILABLE' });
      expect(await store.lookupTask('a')).toEqual(task);
    } finally {
      await proxy.stop();
    }
  });

  it('says what the server can do, and adds in a transaction only where there are any', async () => {
    const { setName, msg } = await server.client().db('admin').command({ hello: 1 });
    const hasOplog = setName !== undefined || msg === 'isdbgrid';
    const store = await started(new MongooseStore({ client: server.client(), database: DATABASE, collection }));
    expect(store.capabilities).toEqual({
      coordination: 'cluster',
      wakeUp: hasOplog ? 'pushed' : 'polled',
      transactionalAdds: hasOplog,
      durable: true,
      takes: true,
    });
    await server.client().withSession(async (session) => {
      const add = () => store.addTask(makeTask('a'), { transaction: session });
      if (hasOplog) {
        await session.withTransaction(async () => {
          await add();
          expect(await store.lookupTask('a')).toBeNull();
        });
        expect(await store.lookupTask('a')).toMatchObject({ id: 'a' });
      } else {
        expect(await failureOf(add)).toMatchObject({ code: 'ASYNCZ_INVALID_OPTION' });
        expect(await store.lookupTask('a')).toBeNull();
      }
    });
  });
});
