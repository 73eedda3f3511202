import { Redis } from 'ioredis';
import { describe, expect, it } from 'vitest';
import { redisStore, RedisStore } from 'nestjs-asyncz/redis';
import type { RedisExistingOptions, RedisStoreOptions } from 'nestjs-asyncz/redis';
import { resolveOptions } from '../../../../lib/stores/redis/redis.options.js';

describe('the options of a Redis store', () => {
  it('are filled in, and leave what is for ioredis to it', () => {
    const tls = { ca: 'x' };
    const options = { host: 'h', port: 7, database: 3, tls, sentinels: [{ host: 's', port: 1 }], name: 'm' };
    expect(resolveOptions({ ...options, connectRetry: { attempts: 4, delay: '2s' } })).toEqual({
      tasksKey: 'asyncz.tasks',
      runTimesKey: 'asyncz.run_times',
      serializer: undefined,
      connectRetry: { attempts: 4, delayMs: 2_000 },
      connection: { redis: { host: 'h', port: 7, db: 3, tls, sentinels: [{ host: 's', port: 1 }], name: 'm' } },
    });
  });

  it('are not changed', () => {
    const options = Object.freeze({ host: 'h', database: 1, connectRetry: Object.freeze({ attempts: 1, delay: 0 }) });
    expect(resolveOptions(options).connection).toEqual({ redis: { host: 'h', db: 1 } });
  });

  it.each([
    [{ taskKey: 'x' }, 'Unknown option "taskKey" of redisStore'],
    [{ tasksKey: '' }, 'Invalid tasksKey: ""'],
    [{ tasksKey: 'a', runTimesKey: 'a' }, 'Invalid runTimesKey: "a"'],
    [{ database: 1.5 }, 'Invalid database: 1.5'],
    [{ database: -1 }, 'Invalid database: -1'],
    [{ database: '1' }, 'Invalid database: "1"'],
    [{ database: 1, db: 2 }, 'Invalid db: 2. Allowed: the same as database, which is 1'],
    [{ url: 'redis://h/1', database: 2 }, 'Invalid database: 2. Allowed: the same as in the url, which is 1'],
    [{ url: 'http://h' }, 'Invalid url: "http://h"'],
    [{ url: 5 }, 'Invalid url: 5'],
    [{ connectRetry: { attempts: 0, delay: 1 } }, 'Invalid connectRetry.attempts: 0'],
    [{ connectRetry: { attempts: 1, delay: 'soon' } }, 'Invalid connectRetry.delay: "soon"'],
    [{ connectRetry: { attempts: 1, pause: 1 } }, 'Unknown option "pause" of connectRetry'],
    [{ client: {} }, 'Invalid client'],
    [{ client: null }, 'Invalid client: null'],
  ])('are refused with the value and what is allowed: %j', (options, message) => {
    expect(() => new RedisStore(options as RedisStoreOptions)).toThrow(message);
    expect(() => redisStore(options as RedisStoreOptions)).toThrow(message);
  });

  it('are refused beside a client that they cannot change', () => {
    const client = new Redis({ lazyConnect: true });
    expect(() => new RedisStore({ client, host: 'h' } as RedisStoreOptions)).toThrow('Unknown option "host"');
    const existing = { useExisting: 'TOKEN', port: 1 } as RedisExistingOptions;
    expect(() => redisStore(existing)).toThrow('Unknown option "port" of redisStore with useExisting');
  });

  it('never show a password', () => {
    const options = { url: 'http://someone:hunter2@host:1' };
    let error: unknown;
    try {
      redisStore(options);
    } catch (caught) {
      error = caught;
    }
    expect(JSON.stringify(error, Object.getOwnPropertyNames(error))).not.toContain('hunter2');
  });
});

describe('redisStore', () => {
  it('gives a configuration that the container builds a store of', () => {
    const own = redisStore({ host: 'h' });
    expect(own.inject).toEqual([]);
    expect(own.useFactory()).toBeInstanceOf(RedisStore);
    const existing = redisStore({ useExisting: 'TOKEN', tasksKey: 'mine' });
    expect(existing.inject).toEqual(['TOKEN']);
    expect(existing.useFactory(new Redis({ lazyConnect: true }))).toBeInstanceOf(RedisStore);
  });

  it('makes a store that says what it can do', () => {
    expect(redisStore().useFactory().capabilities).toEqual({
      coordination: 'cluster',
      wakeUp: 'pushed',
      takes: true,
      journal: 'atomic',
      transactionalAdds: false,
      durable: true,
    });
  });
});
