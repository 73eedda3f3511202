import { Injectable, Module } from '@nestjs/common';
import type { INestApplicationContext } from '@nestjs/common';
import { Test } from '@nestjs/testing';
import { getDataSourceToken, TypeOrmModule } from '@nestjs/typeorm';
import type { DataSource, DataSourceOptions } from 'typeorm';
import { afterEach, describe, expect, it } from 'vitest';
import { AsynczModule, getStoreToken, SchedulerService, TaskHandler } from 'nestjs-asyncz';
import type { AsynczModuleOptions } from 'nestjs-asyncz';
import { until } from 'nestjs-asyncz/testing';
import { TypeormStore, typeormStore } from 'nestjs-asyncz/typeorm';
import { dropTables, mysql, postgres, sqlite } from './support/databases.js';
import type { TestDatabase } from './support/databases.js';

const PREFIX = `nest_${process.pid}`;
const seen: string[] = [];
const open: INestApplicationContext[] = [];

@Injectable()
class Reports {
  @TaskHandler('reports.generate')
  generate(name: string) {
    seen.push(name);
  }
}

async function boot(stores: NonNullable<AsynczModuleOptions['stores']>, dataSources: DataSourceOptions[]) {
  const typeorm = dataSources.map((options) => TypeOrmModule.forRoot({ ...options, retryAttempts: 1 }));
  @Module({ imports: [...typeorm, AsynczModule.forRoot({ stores })], providers: [Reports] })
  class AppModule {}
  const testing = Test.createTestingModule({ imports: [AppModule] });
  testing.setLogger({ log() {}, error() {}, warn() {} });
  const app = await testing.compile();
  open.push(app);
  await app.init();
  return { app, scheduler: app.get<SchedulerService>(SchedulerService, { strict: false }) };
}

/** Options as an application has them. */
async function optionsOf(database: TestDatabase): Promise<DataSourceOptions> {
  const dataSource = await database.open();
  await dataSource.destroy();
  return dataSource.options;
}

afterEach(async () => {
  for (const app of open.splice(0)) await app.close();
});

describe.each([postgres(), mysql(), sqlite()])("typeormStore on the application's $name", (database) => {
  afterEach(async () => {
    const dataSource = await database.open();
    await dropTables(dataSource, PREFIX);
    await dataSource.destroy();
  });

  const due = (name: string) => ({
    id: name,
    handler: 'reports.generate',
    args: [name],
    trigger: { type: 'date' as const, runAt: new Date() },
  });

  it.each([undefined, 'billing'])(
    'is injected the data source %s, runs tasks, and adds in its transactions',
    async (name) => {
      const options = { ...(await optionsOf(database)), ...(name !== undefined && { name }) } as DataSourceOptions;
      const store = typeormStore({ tableName: PREFIX, ...(name !== undefined && { dataSource: name }) });
      const { app, scheduler } = await boot({ default: store }, [options]);
      const dataSource = app.get<DataSource>(getDataSourceToken(name), { strict: false });
      const opened = app.get<TypeormStore>(getStoreToken(), { strict: false });
      expect(opened).toBeInstanceOf(TypeormStore);
      expect(opened.dataSource).toBe(dataSource);
      const own = `${database.name} ${name} alone`;
      const within = `${database.name} ${name} within`;
      const undone = `${database.name} ${name} undone`;
      await scheduler.addTask(due(own));
      await dataSource.transaction(async (manager) => {
        await scheduler.addTask({ ...due(within), transaction: manager });
      });
      const failed = dataSource.transaction(async (manager) => {
        await scheduler.addTask({ ...due(undone), transaction: manager });
        throw new Error('roll back');
      });
      await expect(failed).rejects.toThrow('roll back');
      await until(() => seen.includes(own) && seen.includes(within), { what: 'both tasks to run' });
      // A wake-up follows the transaction; the poll interval is longer than the test.
      expect(seen.filter((one) => [own, within, undone].includes(one)).sort()).toEqual([own, within].sort());
      expect(dataSource.isInitialized).toBe(true);
    },
  );
});

describe('typeormStore with a database of its own', () => {
  it('needs no data source of the application, and closes what it opened', async () => {
    const database = sqlite();
    const { app, scheduler } = await boot({ default: typeormStore({ database: database.url }) }, []);
    const store = app.get<TypeormStore>(getStoreToken(), { strict: false });
    const { dataSource } = store;
    await scheduler.addTask({
      handler: 'reports.generate',
      args: ['own'],
      trigger: { type: 'date', runAt: new Date() },
    });
    await until(() => seen.includes('own'), { what: 'the task to run' });
    await app.close();
    expect(dataSource.isInitialized).toBe(false);
    database.remove();
  });

  it('fails the start when the server is down, with the store, the address and the reason', async () => {
    const store = typeormStore({ database: 'postgres://somebody:pa55word@127.0.0.1:1/app' });
    const error = await boot({ jobs: store }, []).then(
      () => null,
      (reason: unknown) => reason as Error,
    );
    expect(error?.message).toContain('The store "jobs" could not be started');
    expect(error?.message).toContain('PostgreSQL at 127.0.0.1:1, database app');
    expect(error?.message).toContain('ECONNREFUSED');
    expect(error?.message).not.toContain('pa55word');
  });
});
