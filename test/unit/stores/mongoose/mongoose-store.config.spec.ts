import { getConnectionToken } from '@nestjs/mongoose';
import mongoose, { createConnection } from 'mongoose';
import { describe, expect, it } from 'vitest';
import { mongooseStore, MongooseStore } from 'nestjs-asyncz/mongoose';
import type { MongooseStoreOptions } from 'nestjs-asyncz/mongoose';
import { resolveOptions } from '../../../../lib/stores/mongoose/mongoose.options.js';

const failureOf = (work: () => unknown): { code?: string; message: string } => {
  try {
    work();
  } catch (error) {
    return error as Error;
  }
  throw new Error('It did not fail.');
};

describe('mongooseStore', () => {
  it("asks for the connection of the application's MongooseModule by its token", () => {
    expect(mongooseStore().inject).toEqual([{ token: getConnectionToken(), optional: true }]);
    expect(mongooseStore({ connectionName: 'second' }).inject).toEqual([
      { token: getConnectionToken('second'), optional: true },
    ]);
    const name = 'DatabaseConnection';
    expect(mongooseStore({ connectionName: name }).inject).toEqual([
      { token: getConnectionToken(name), optional: true },
    ]);
  });

  it('makes a store of what it is given, and asks for nothing then', () => {
    const client = new mongoose.mongo.MongoClient('mongodb://127.0.0.1:1/');
    for (const options of [
      { uri: 'mongodb://127.0.0.1:1/jobs', maxPoolSize: 3 },
      { client },
      { connection: createConnection() },
    ]) {
      const { inject, useFactory } = mongooseStore(options);
      expect(inject).toEqual([]);
      expect(useFactory()).toBeInstanceOf(MongooseStore);
    }
    expect(mongooseStore().useFactory(createConnection())).toBeInstanceOf(MongooseStore);
  });

  it('takes host, port, user and password for the address, and url for uri', () => {
    const addressOf = (options: MongooseStoreOptions) => {
      const { source, database } = resolveOptions(options);
      return { uri: 'uri' in source ? source.uri : null, database };
    };
    expect(addressOf({ url: 'mongodb://db/app' })).toEqual({ uri: 'mongodb://db/app', database: undefined });
    expect(addressOf({ host: 'db', database: 'app' })).toEqual({ uri: 'mongodb://db:27017/', database: 'app' });
    expect(addressOf({ host: '::1', port: 1, user: 'me@x', password: 'a/b:c' }).uri).toBe(
      'mongodb://me%40x:a%2Fb%3Ac@[::1]:1/',
    );
    expect(mongooseStore({ host: 'db', user: 'me', maxPoolSize: 3 }).useFactory()).toBeInstanceOf(MongooseStore);
    const wrong = [
      { host: 'a,b' },
      { host: 'db/app' },
      { host: '' },
      { host: 'db', port: 0 },
      { host: 'db', port: '27017' },
      { host: 'db', user: '' },
      { host: 'db', password: 'secret' },
      { url: 'mongodb://db/', host: 'db' },
      { url: 'mongodb://db/', uri: 'mongodb://db/' },
      { url: 'mongodb://db/', user: 'me' },
      { url: 'mongodb://db/', password: 'secret' },
      { url: 7 },
    ];
    for (const options of wrong) {
      const { code, message } = failureOf(() => mongooseStore(options as never));
      expect(code, JSON.stringify(options)).toBe('ASYNCZ_INVALID_OPTION');
      expect(message).not.toContain('secret');
    }
  });

  it('without the connection of MongooseModule says so, and names itself, its option and what to import', () => {
    expect(failureOf(() => mongooseStore({ connectionName: 'jobs' }).useFactory(undefined))).toMatchObject({
      code: 'ASYNCZ_MISSING_DEPENDENCY',
      message: expect.stringMatching(
        /^mongooseStore\(\{ connectionName: "jobs" \}\) in the stores of AsynczModule \(nestjs-asyncz\) .*MongooseModule\.forRoot\(/,
      ),
    });
  });

  it('names an option that there is not, and lists those that there are', () => {
    const cases = [
      () => mongooseStore({ colection: 'x' } as never),
      () => mongooseStore({ connection: createConnection(), connectionName: 'x' } as never),
      () => new MongooseStore({ client: new mongoose.mongo.MongoClient('mongodb://h/'), poolSize: 5 } as never),
      () => mongooseStore({ uri: 'mongodb://h/', connectRetry: { attempts: 1, delay: 1, every: 2 } } as never),
    ];
    for (const [at, option] of ['colection', 'connectionName', 'poolSize', 'every'].entries()) {
      const { code, message } = failureOf(cases[at]!);
      expect(code).toBe('ASYNCZ_UNKNOWN_OPTION');
      expect(message).toContain(`"${option}"`);
    }
  });

  it('lets the driver check its own options, and does not repeat the password', () => {
    const wrong = [
      { uri: 'mongodb://me:secret@127.0.0.1/', poolSize: 5 } as never,
      { uri: 'postgres://me:secret@127.0.0.1/' },
      { uri: 'mongodb://me:secret@127.0.0.1/', maxPoolSize: -1 },
    ];
    for (const options of wrong) {
      const { code, message } = failureOf(() => mongooseStore(options));
      expect(code).toBe('ASYNCZ_INVALID_OPTION');
      expect(message).not.toContain('secret');
    }
    expect(failureOf(() => mongooseStore(wrong[0]!)).message).toContain('poolsize');
  });

  it('refuses values that are not allowed', () => {
    const uri = 'mongodb://127.0.0.1/';
    const wrong = [
      { collection: '' },
      { collection: 'a$b' },
      { collection: 'system.tasks' },
      { collection: 'x'.repeat(121) },
      { collection: 5 },
      { database: '' },
      { database: 'a b' },
      { database: 'a/b' },
      { connectionName: '' },
      { connection: {} },
      { client: {} },
      { connection: createConnection(), client: new mongoose.mongo.MongoClient(uri) },
      { uri, client: new mongoose.mongo.MongoClient(uri) },
      { uri: undefined },
      { uri, connectRetry: { attempts: 0, delay: 1 } },
      { uri, connectRetry: { attempts: 1.5, delay: 1 } },
      { uri, connectRetry: { attempts: 1, delay: 'soon' } },
      { uri, connectRetry: { attempts: 1, delay: -1 } },
    ];
    for (const options of wrong) {
      const { code } = failureOf(() => mongooseStore(options as never));
      expect(code, JSON.stringify(Object.keys(options))).toBe('ASYNCZ_INVALID_OPTION');
    }
  });
});
