import { getDataSourceToken } from '@nestjs/typeorm';
import { DataSource } from 'typeorm';
import type { DataSourceOptions } from 'typeorm';
import { describe, expect, it } from 'vitest';
import { InvalidOptionError, UnknownOptionError } from '../../../../lib/errors/input.errors.js';
import { addressOf } from '../../../../lib/stores/typeorm/connection/address.js';
import { generateSchemaSql, TypeormStore, typeormStore } from '../../../../lib/stores/typeorm/index.js';
import type { TypeormStoreFactoryOptions, TypeormStoreOptions } from '../../../../lib/stores/typeorm/index.js';

const failureOf = (work: () => unknown): Error => {
  try {
    work();
  } catch (error) {
    return error as Error;
  }
  throw new Error('It did not fail.');
};

describe('the options of a TypeORM store', () => {
  it.each<[string, TypeormStoreOptions]>([
    ['dataSource', { dataSource: {} as DataSource }],
    ['database', {}],
    ['database', { database: 5 as never }],
    ['database', { database: { host: 'x' } as never }],
    ['database', { database: 'oracle-of-delphi://x' }],
    ['database', { database: 'postgres' }],
    ['database', { database: 'sqlite:' }],
    ['database', { database: { type: 'mongodb' } as DataSourceOptions }],
    ['database', { database: 'sqlite::memory:', dataSource: {} as DataSource }],
    ['tableName', { database: 'sqlite::memory:', tableName: 'a"; DROP TABLE x' }],
    ['tableName', { database: 'sqlite::memory:', tableName: '' }],
    ['tableName', { database: 'sqlite::memory:', tableName: 'a'.repeat(41) }],
    ['schema', { database: 'postgres://x/y', schema: 'a.b' }],
    ['schema', { database: 'sqlite::memory:', schema: 'main' }],
    ['createSchema', { database: 'sqlite::memory:', createSchema: 'always' as never }],
    ['lockMode', { database: 'postgres://x/y', lockMode: 'none' as never }],
    ['lockMode', { database: 'sqlite::memory:', lockMode: 'compare-and-set' }],
    ['notify', { database: 'postgres://x/y', notify: 1 as never }],
    ['encrypt', { database: 'postgres://x/y', encrypt: 'yes' as never }],
    ['operationTimeout', { database: 'postgres://x/y', operationTimeout: 'soon' }],
    ['operationTimeout', { database: 'postgres://x/y', operationTimeout: 0 }],
    ['connectRetry.attempts', { database: 'postgres://x/y', connectRetry: { attempts: 0, delay: 1 } }],
    ['connectRetry.delay', { database: 'postgres://x/y', connectRetry: { attempts: 1, delay: 'x' } }],
  ])('refuse a %s that is not allowed: %o', (option, options) => {
    const error = failureOf(() => new TypeormStore(options));
    expect(error).toBeInstanceOf(InvalidOptionError);
    expect((error as InvalidOptionError).option).toBe(option);
  });

  it('refuse what there is not, and say what there is', () => {
    const error = failureOf(() => new TypeormStore({ database: 'sqlite::memory:', tablename: 'x' } as never));
    expect(error).toBeInstanceOf(UnknownOptionError);
    expect(error.message).toContain('"tableName"');
  });

  it.each([
    'postgres:/x:pa55word@host/db',
    'postgres://x:pa55word@ho st/db',
    'postgre://x:pa55word@host/db',
    'mysql//x:pa55word@host:99999/db',
  ])('do not tell the password of a database that is none: %s', (database) => {
    const error = failureOf(() => new TypeormStore({ database }));
    expect(error).toBeInstanceOf(InvalidOptionError);
    expect(error.message).not.toContain('pa55word');
  });

  it('say what the database can do', () => {
    const of = (options: TypeormStoreOptions) => new TypeormStore(options).capabilities;
    const cluster = {
      coordination: 'cluster',
      transactionalAdds: true,
      transactionalChanges: true,
      durable: true,
      journal: 'atomic',
    };
    expect(of({ database: 'postgresql://x/y' })).toEqual({ ...cluster, wakeUp: 'pushed', takes: true });
    expect(of({ database: 'postgres://x/y', notify: false })).toEqual({ ...cluster, wakeUp: 'polled', takes: true });
    expect(of({ database: 'mysql://x/y' })).toEqual({ ...cluster, wakeUp: 'pushed', takes: true });
    expect(of({ database: 'mysql://x/y', notify: false })).toEqual({ ...cluster, wakeUp: 'polled', takes: true });
    expect(of({ database: 'mariadb://x/y' })).toEqual({ ...cluster, wakeUp: 'pushed', takes: true });
    expect(of({ database: 'postgres://x/y', lockMode: 'compare-and-set' })).toEqual({ ...cluster, wakeUp: 'polled' });
    const sqlite = { ...cluster, coordination: 'host', wakeUp: 'pushed', takes: true };
    expect(of({ database: 'sqlite:./x.db' })).toEqual(sqlite);
    expect(of({ database: 'sqlite:./x.db', notify: false })).toEqual({ ...sqlite, wakeUp: 'polled' });
    const memory = { ...sqlite, coordination: 'process', wakeUp: 'polled', durable: false };
    expect(of({ database: 'sqlite::memory:' })).toEqual(memory);
  });
});

describe('typeormStore', () => {
  it('asks the container for the data source, by the tokens of @nestjs/typeorm', () => {
    expect(typeormStore().inject).toEqual([{ token: getDataSourceToken(), optional: true }]);
    expect(typeormStore({ dataSource: 'default' }).inject).toEqual([
      { token: getDataSourceToken('default'), optional: true },
    ]);
    expect(typeormStore({ dataSource: 'billing' }).inject).toEqual([
      { token: getDataSourceToken('billing'), optional: true },
    ]);
    expect(typeormStore({ connectionName: 'billing' }).inject).toEqual([
      { token: getDataSourceToken('billing'), optional: true },
    ]);
  });

  it('makes a store of what the container gives', () => {
    const dataSource = new DataSource({ type: 'better-sqlite3', database: ':memory:' });
    expect(typeormStore({ tableName: 'jobs' }).useFactory(dataSource)).toBeInstanceOf(TypeormStore);
  });

  it('asks for nothing when it is given a database or a data source', () => {
    const dataSource = new DataSource({ type: 'better-sqlite3', database: ':memory:' });
    for (const options of [{ database: 'sqlite::memory:' }, { url: 'sqlite::memory:' }, { dataSource }]) {
      const { inject, useFactory } = typeormStore(options);
      expect(inject).toEqual([]);
      expect(useFactory()).toBeInstanceOf(TypeormStore);
    }
  });

  it.each([
    [{}, /^typeormStore\(\) in the stores of AsynczModule \(nestjs-asyncz\) .*TypeOrmModule\.forRoot\(…\)/],
    [
      { dataSource: 'jobs' },
      /^typeormStore\(\{ dataSource: "jobs" \}\).*TypeOrmModule\.forRoot\(\{ name: "jobs", … \}\)/,
    ],
  ])('without the data source says so, and names itself, its option and what to import: %o', (options, message) => {
    const error = failureOf(() => typeormStore(options).useFactory(undefined));
    expect(error).toMatchObject({ code: 'ASYNCZ_MISSING_DEPENDENCY', message: expect.stringMatching(message) });
  });

  it.each<TypeormStoreFactoryOptions>([
    { dataSource: 'a', database: 'sqlite::memory:' },
    { connectionName: 'a', database: 'sqlite::memory:' },
    { dataSource: 'a', connectionName: 'b' },
    { url: 'sqlite::memory:', database: 'sqlite::memory:' },
    { url: 'sqlite::memory:', dataSource: 'a' },
  ])('refuses two ways to the data at once: %o', (options) => {
    expect(failureOf(() => typeormStore(options))).toBeInstanceOf(InvalidOptionError);
  });

  it('refuses an unknown option at once, and not when the container builds it', () => {
    expect(failureOf(() => typeormStore({ table: 'x' } as never))).toBeInstanceOf(UnknownOptionError);
  });
});

describe('an address for messages', () => {
  it.each<[string, DataSourceOptions]>([
    ['PostgreSQL at db:5432, database app', { type: 'postgres', url: 'postgres://me:pa55word@db/app' }],
    [
      'PostgreSQL at db:6000, database app',
      { type: 'postgres', host: 'db', port: 6000, database: 'app', password: 'pa55word' },
    ],
    ['MariaDB at 10.0.0.1:3307, database app', { type: 'mariadb', url: 'mariadb://me:pa55word@10.0.0.1:3307/app' }],
    ['MySQL at /run/mysqld.sock, database app', { type: 'mysql', socketPath: '/run/mysqld.sock', database: 'app' }],
    [
      'PostgreSQL at main:5432, database app',
      {
        type: 'postgres',
        replication: { master: { host: 'main', database: 'app', password: 'pa55word' }, slaves: [{ host: 'other' }] },
      },
    ],
    ['the SQLite file ./app.db', { type: 'better-sqlite3', database: './app.db' }],
  ])('is %s', (address, options) => {
    expect(addressOf(options)).toBe(address);
  });
});

describe('generateSchemaSql', () => {
  it('names tables and indexes after tableName and schema', () => {
    const text = generateSchemaSql('postgres', { tableName: 'jobs', schema: 'work' }).join(';\n');
    expect(text).toContain('CREATE SCHEMA IF NOT EXISTS "work"');
    for (const table of ['jobs_tasks', 'jobs_runs', 'jobs_schedulers']) expect(text).toContain(`"work"."${table}"`);
    expect(text).not.toContain('asyncz');
  });

  it('refuses a database that it does not know', () => {
    expect(failureOf(() => generateSchemaSql('oracle' as never)).message).toContain('"postgres"');
  });
});
