import { describe, expect, it } from 'vitest';
import { Redis } from 'ioredis';
import { createStoreContext, makeTask, until } from 'nestjs-asyncz/testing';
import { RedisStore } from 'nestjs-asyncz/redis';
import type { RedisStoreOptions } from 'nestjs-asyncz/redis';
import { freePort } from '../../support/servers/owned-process.mjs';
import { connectionBench } from './connection.bench.js';
import { EVERY_WRITE, NOTHING_KEPT, RedisServer } from './redis.server.js';

const { server, proxy, open, warnings, debugged, logger, closing } = connectionBench();

/** How long something takes, in milliseconds. */
async function timeOf(work: () => Promise<unknown>): Promise<number> {
  const start = performance.now();
  await work();
  return performance.now() - start;
}

describe('a server that is down at the start', () => {
  it('fails the start at once, with the address and the reason and without the password', async () => {
    const port = await freePort();
    const cases: RedisStoreOptions[] = [
      { url: `redis://someone:hunter2@127.0.0.1:${port}/2` },
      { host: '127.0.0.1', port, username: 'someone', password: 'hunter2', database: 2 },
    ];
    for (const options of cases) {
      const took = await timeOf(async () => {
        const error = await open(options).catch((caught: Error) => caught);
        expect((error as Error).message).toBe(
          `Redis at 127.0.0.1:${port}, database 2 cannot be used: connect ECONNREFUSED 127.0.0.1:${port}`,
        );
        expect(JSON.stringify(error, Object.getOwnPropertyNames(error))).not.toContain('hunter2');
      });
      expect(took).toBeLessThan(2_000);
    }
  });

  it('fails it for a client that is handed in too, which stays as it is', async () => {
    const port = await freePort();
    const client = new Redis(port, '127.0.0.1', { maxRetriesPerRequest: null });
    client.on('error', () => {});
    closing.push(() => client.disconnect());
    await expect(open({ client })).rejects.toThrow(`127.0.0.1:${port}`);
    expect(client.status).not.toBe('end');
  });

  it('is waited for as long as connectRetry says', async () => {
    const port = await freePort();
    const options = { host: '127.0.0.1', port };
    await expect(open({ ...options, connectRetry: { attempts: 3, delay: 20 } })).rejects.toThrow('ECONNREFUSED');
    const opening = open({ ...options, connectRetry: { attempts: 200, delay: '50ms' } });
    const started = await RedisServer.start(NOTHING_KEPT, port);
    closing.unshift(() => started.remove());
    const store = await opening;
    await store.addTask(makeTask('a'));
    expect(await store.lookupTask('a')).toMatchObject({ id: 'a' });
  });

  it('can be started again with the same store object when it is there', async () => {
    const port = await freePort();
    const store = new RedisStore({ host: '127.0.0.1', port });
    await expect(store.start(createStoreContext({ logger }))).rejects.toThrow('ECONNREFUSED');
    const started = await RedisServer.start(NOTHING_KEPT, port);
    closing.push(() => started.remove());
    await store.start(createStoreContext({ logger }));
    expect(await store.getAllTasks()).toEqual([]);
    await store.shutdown();
  });
});

describe('a read-only replica', () => {
  it('is named at the start, with its primary', async () => {
    const primary = await server();
    const replica = await server([...NOTHING_KEPT, '--replicaof', '127.0.0.1', `${primary.port}`]);
    await expect(open({ url: replica.url })).rejects.toThrow(
      `Redis at 127.0.0.1:${replica.port} cannot be used: it is a read-only replica; connect to its primary, 127.0.0.1:${primary.port}`,
    );
  });

  it('is named when a primary has become one', async () => {
    const [primary, other] = [await server(), await server()];
    const store = await open({ url: primary.url });
    await primary.ask((client) => client.replicaof('127.0.0.1', other.port));
    await expect(store.addTask(makeTask('a'))).rejects.toThrow('it has become a read-only replica');
  });
});

describe('a client of the application whose connection the network has lost', () => {
  it('is made to connect again, and only when the server answers elsewhere', async () => {
    const { port } = await server();
    const way = await proxy(port);
    const client = new Redis(way.port, '127.0.0.1');
    client.on('error', () => {});
    closing.push(() => client.disconnect());
    const store = await open({ client });
    await store.addTask(makeTask('a'));
    let closes = 0;
    client.on('close', () => (closes += 1));
    way.fallSilent();
    await expect(store.lookupTask('a')).rejects.toThrow('no answer within 5000 ms');
    await expect(store.lookupTask('a')).rejects.toThrow('no answer within 5000 ms');
    expect(closes).toBe(0);
    way.hearAgain();
    const took = await timeOf(() => until(async () => store.lookupTask('a').catch(() => null), { what: 'the task' }));
    console.log(`a client of the application is back after ${Math.round(took)} ms`);
    expect(took).toBeLessThan(15_000);
    expect(closes).toBe(1);
  });
});

describe('a server that refuses', () => {
  it('is told of with its reason and without the password', async () => {
    const { url, port } = await server([...NOTHING_KEPT, '--requirepass', 'right']);
    const wrong = await open({ url, password: 'hunter2' }).catch((caught: Error) => caught);
    expect((wrong as Error).message).toMatch(
      new RegExp(`^Redis at 127\\.0\\.0\\.1:${port} cannot be used: .*WRONGPASS`),
    );
    expect((wrong as Error).message).not.toContain('hunter2');
    await expect(open({ url })).rejects.toThrow('NOAUTH');
    const store = await open({ url, password: 'right' });
    await store.addTask(makeTask('a'));
  });

  it('keeps what was there when its memory is full, and says so', async () => {
    const own = await server([...NOTHING_KEPT, '--maxmemory-policy', 'noeviction']);
    const store = await open({ url: own.url });
    await store.addTask(makeTask('a', { nextRunTime: 1 }));
    await own.ask((client) => client.config('SET', 'maxmemory', '1mb'));
    const filler = 'x'.repeat(100_000);
    const fill = async () => {
      for (let at = 0; at < 50; at += 1) await store.addTask(makeTask(`big ${at}`, { args: [filler] }));
    };
    const error = await fill().catch((caught: Error) => caught);
    expect(error).toMatchObject({ code: 'ASYNCZ_STORE_UNAVAILABLE', reason: expect.stringContaining('OOM') as string });
    expect(JSON.stringify(error, Object.getOwnPropertyNames(error))).not.toContain('xxxx');
    expect(await store.lookupTask('a')).toMatchObject({ version: 1 });
    expect(await store.getNextRunTime()).toBe(1);
    expect((await store.query({}, { by: 'id', descending: false }, { offset: 0, limit: 0 })).total).toBe(
      (await store.getAllTasks()).length,
    );
  });
});

describe('a server that is set up to lose tasks', () => {
  it('is warned of at the start: eviction, and no persistence', async () => {
    const { url, port } = await server([...NOTHING_KEPT, '--maxmemory-policy', 'allkeys-lru']);
    await open({ url });
    expect(warnings.length).toBe(2);
    expect(warnings[0]).toContain(`127.0.0.1:${port} has maxmemory-policy "allkeys-lru"`);
    expect(warnings[1]).toContain('keeps nothing over a restart');
  });

  it('is not warned of when all is well', async () => {
    await open({ url: (await server(['--appendonly', 'yes'])).url });
    await open({ url: (await server(['--save', '3600 1'])).url });
    expect(warnings).toEqual([]);
  });

  it('is not complained about when it does not tell', async () => {
    const own = await server([...NOTHING_KEPT, '--maxmemory-policy', 'allkeys-lru']);
    await own.ask((client) => client.acl('SETUSER', 'app', 'on', '>secret', '~*', '&*', '+@all', '-config', '-info'));
    const store = await open({ url: own.url, username: 'app', password: 'secret', enableReadyCheck: false });
    await store.addTask(makeTask('a'));
    expect(warnings).toEqual([]);
    expect(debugged.length).toBe(1);
  });
});

describe('a server that goes away', () => {
  it('fails calls within seconds, and is used again by itself when it is back, with all that was acknowledged', async () => {
    const own = await server(EVERY_WRITE);
    const client = new Redis(own.url, { maxRetriesPerRequest: null });
    client.on('error', () => {});
    closing.push(() => client.disconnect());
    for (const options of [{ url: own.url }, { client, tasksKey: 'second' }]) {
      const store = await open(options);
      await store.addTask(makeTask('before', { nextRunTime: 1 }));
      await own.kill();
      const took = await timeOf(async () => {
        await expect(store.addTask(makeTask('unsure'))).rejects.toMatchObject({ code: 'ASYNCZ_STORE_UNAVAILABLE' });
      });
      expect(took).toBeLessThan(9_000);
      await store.wake(1);
      await own.run();
      await until(async () => store.now().catch(() => null));
      // What failed may have been on its way; what was acknowledged must be there.
      expect((await store.getAllTasks()).map(({ id }) => id)).toContain('before');
      expect(await store.getNextRunTime()).toBe(1);
    }
  });

  it('is listened to again: wake-ups come in after a restart, and one is made up for at once', async () => {
    const own = await server(EVERY_WRITE);
    const [store, other] = [await open({ url: own.url }), await open({ url: own.url })];
    let calls = 0;
    store.onWake(() => (calls += 1));
    await until(() => calls > 0);
    await own.kill();
    calls = 0;
    await own.run();
    await until(() => calls > 0);
    calls = 0;
    await until(async () => {
      await other.wake(1);
      return calls > 0;
    });
  });

  it('that answers no more does not hold calls up for ever', async () => {
    const own = await server();
    const between = await proxy(own.port);
    const store = await open({ host: '127.0.0.1', port: between.port });
    await store.addTask(makeTask('a'));
    between.fallSilent();
    const took = await timeOf(async () => {
      await expect(store.lookupTask('a')).rejects.toThrow('no answer within 5000 ms');
    });
    expect(took).toBeLessThan(7_000);
    between.speakAgain();
    expect(await until(() => store.lookupTask('a').catch(() => null))).toMatchObject({ id: 'a' });
  });
});
