import type { DataSource, DataSourceOptions } from 'typeorm';
import { afterEach, describe, expect, it } from 'vitest';
import { asynczEntities, asynczMigrations, generateSchemaSql } from '../../../lib/stores/typeorm/index.js';
import type { SchemaDialect } from '../../../lib/stores/typeorm/index.js';
import { createPortableTables } from '../../../lib/stores/typeorm/schema/portable.tables.js';
import { TableNames } from '../../../lib/stores/typeorm/schema/table.names.js';
import { TypeormStore } from '../../../lib/stores/typeorm/typeorm.store.js';
import { createStoreContext } from '../../../lib/testing/store-context.js';
import { makeTask } from '../../../lib/testing/task.fixtures.js';
import { dropTables, mysql, mysqlType, postgres, sqlite } from './support/databases.js';
import type { TestDatabase } from './support/databases.js';

const PREFIX = `schema_${process.pid}`;

describe.each<{ database: TestDatabase; dialect: SchemaDialect; type: DataSourceOptions['type'] }>([
  { database: postgres(), dialect: 'postgres', type: 'postgres' },
  // TypeORM takes the defaults of a MariaDB server for changes unless the type says so.
  { database: mysql(), dialect: mysqlType, type: mysqlType },
  { database: sqlite(), dialect: 'sqlite', type: 'better-sqlite3' },
])('the tables on $database.name', ({ database, dialect, type }) => {
  const opened: { close(): Promise<unknown> }[] = [];

  const open = async (more: Partial<DataSourceOptions> = {}) => {
    const dataSource = await database.open({ type, ...more } as Partial<DataSourceOptions>);
    opened.push({ close: () => dataSource.destroy() });
    return dataSource;
  };
  const start = async (dataSource: DataSource, createSchema: boolean | 'if-missing', tableName = PREFIX) => {
    const store = new TypeormStore({ dataSource, createSchema, tableName });
    await store.start(createStoreContext());
    opened.push({ close: () => store.shutdown() });
    return store;
  };
  /** What TypeORM would change to make the tables as the entities say. */
  const differences = async (dataSource: DataSource) =>
    (await dataSource.driver.createSchemaBuilder().log()).upQueries.map(({ query }) => query);

  afterEach(async () => {
    for (const each of opened.reverse()) await each.close();
    opened.length = 0;
    const dataSource = await database.open();
    await dropTables(dataSource, PREFIX);
    await dataSource.query(`DROP TABLE IF EXISTS ${PREFIX}_migrations`);
    await dataSource.destroy();
  });

  it('are made at the start of a store, and kept by the next one', async () => {
    const dataSource = await open();
    const first = await start(dataSource, 'if-missing');
    await first.addTask(makeTask('a'));
    const second = await start(dataSource, true);
    expect(await second.lookupTask('a')).toEqual(makeTask('a'));
  });

  it('are made once when ten replicas start together', async () => {
    const dataSources = await Promise.all(Array.from({ length: 10 }, () => open()));
    const stores = await Promise.all(dataSources.map((dataSource) => start(dataSource, 'if-missing')));
    await stores[0]!.addTask(makeTask('a'));
    expect(await stores[9]!.lookupTask('a')).toEqual(makeTask('a'));
  });

  it('are not made with createSchema: false, and the error says how to make them', async () => {
    const dataSource = await open();
    const error = await start(dataSource, false).then(
      () => null,
      (reason: unknown) => reason,
    );
    expect(error).toMatchObject({ code: 'ASYNCZ_STORE_UNAVAILABLE' });
    expect((error as Error).message).toContain(`${PREFIX}_tasks`);
    expect((error as Error).message).toContain(`generateSchemaSql('${dialect}')`);
    for (const statement of generateSchemaSql(dialect, { tableName: PREFIX })) await dataSource.query(statement);
    await expect(start(dataSource, false)).resolves.toBeInstanceOf(TypeormStore);
  });

  it('can be made twice by hand', async () => {
    const dataSource = await open();
    const statements = generateSchemaSql(dialect, { tableName: PREFIX });
    for (const statement of [...statements, ...statements]) await dataSource.query(statement);
    await expect(start(dataSource, false)).resolves.toBeInstanceOf(TypeormStore);
  });

  it("are as the entities say, so that the application's migrations leave them alone", async () => {
    const dataSource = await open({ entities: asynczEntities({ type, tableName: PREFIX }) });
    for (const statement of generateSchemaSql(dialect, { tableName: PREFIX })) await dataSource.query(statement);
    expect(await differences(dataSource)).toEqual([]);
  });

  it('can be made from the entities', async () => {
    const dataSource = await open({ entities: asynczEntities({ type, tableName: PREFIX }), synchronize: true });
    expect(await differences(dataSource)).toEqual([]);
    const store = await start(dataSource, false);
    await store.addTask(makeTask('a', { nextRunTime: 5 }));
    const [row] = await dataSource.getRepository(`${PREFIX}_tasks`).find();
    expect(row).toMatchObject({ id: 'a', handler: 'work' });
    expect(Number(row!['due_at'])).toBe(5);
  });

  it('are left alone where the application synchronises its own', async () => {
    const store = await start(await open(), 'if-missing');
    await store.addTask(makeTask('a'));
    await open({ synchronize: true, entities: [] });
    expect(await store.lookupTask('a')).toEqual(makeTask('a'));
  });

  it('can be made and removed by migrations', async () => {
    const dataSource = await open({
      migrations: asynczMigrations({ tableName: PREFIX }),
      migrationsTableName: `${PREFIX}_migrations`,
    });
    await dataSource.runMigrations();
    await expect(start(dataSource, false)).resolves.toBeInstanceOf(TypeormStore);
    expect(await dataSource.runMigrations()).toEqual([]);
    await dataSource.undoLastMigration();
    await expect(start(dataSource, false)).rejects.toThrow(`${PREFIX}_tasks`);
  });
});

describe.each([`own_${process.pid}`, `my-app-${process.pid}`, `2026-${process.pid}-App`])(
  'a schema of its own on PostgreSQL, named %s',
  (schema) => {
    const database = postgres();

    it.each(['auto', 'compare-and-set'] as const)('is made, and holds the tables (lockMode: %s)', async (lockMode) => {
      const dataSource = await database.open();
      const store = new TypeormStore({ dataSource, schema, lockMode });
      try {
        await store.start(createStoreContext());
        await store.addTask(makeTask('a'));
        const rows = (await dataSource.query(
          `SELECT table_name FROM information_schema.tables WHERE table_schema = '${schema}' ORDER BY 1`,
        )) as { table_name: string }[];
        expect(rows.map((row) => row.table_name)).toEqual([
          'asyncz_journal',
          'asyncz_runs',
          'asyncz_schedulers',
          'asyncz_tasks',
        ]);
        expect(await dataSource.query(`SELECT id FROM "${schema}".asyncz_tasks`)).toEqual([{ id: 'a' }]);
      } finally {
        await store.shutdown();
        await dataSource.query(`DROP SCHEMA IF EXISTS "${schema}" CASCADE`);
        await dataSource.destroy();
      }
    });

    it('is made by migrations', async () => {
      const dataSource = await database.open({
        migrations: asynczMigrations({ tableName: PREFIX, schema }),
        migrationsTableName: `${PREFIX}_migrations`,
      } as Partial<DataSourceOptions>);
      try {
        await dataSource.runMigrations();
        const store = new TypeormStore({ dataSource, schema, tableName: PREFIX, createSchema: false });
        await store.start(createStoreContext());
        await store.addTask(makeTask('a'));
        expect(await store.lookupTask('a')).toEqual(makeTask('a'));
        await store.shutdown();
        await dataSource.undoLastMigration();
      } finally {
        await dataSource.query(`DROP SCHEMA IF EXISTS "${schema}" CASCADE`);
        await dataSource.query(`DROP TABLE IF EXISTS ${PREFIX}_migrations`);
        await dataSource.destroy();
      }
    });
  },
);

describe('a database of its own on MySQL, named with a hyphen', () => {
  const schema = `my-app-${process.pid}`;

  it('holds the tables', async () => {
    const dataSource = await mysql().open();
    await dataSource.query(`CREATE DATABASE IF NOT EXISTS \`${schema}\``);
    const store = new TypeormStore({ dataSource, schema });
    try {
      await store.start(createStoreContext());
      await store.addTask(makeTask('a'));
      expect(await dataSource.query(`SELECT id FROM \`${schema}\`.asyncz_tasks`)).toEqual([{ id: 'a' }]);
    } finally {
      await store.shutdown();
      await dataSource.query(`DROP DATABASE IF EXISTS \`${schema}\``);
      await dataSource.destroy();
    }
  });
});

describe('the general path', () => {
  const database = postgres();

  it('makes its tables by the means of TypeORM, when ten replicas start together too', async () => {
    const dataSource = await database.open();
    const names = new TableNames(PREFIX, null);
    try {
      await Promise.all(Array.from({ length: 10 }, () => createPortableTables(dataSource, names, 'here')));
      const store = new TypeormStore({
        dataSource,
        tableName: PREFIX,
        createSchema: false,
        lockMode: 'compare-and-set',
      });
      await store.start(createStoreContext());
      await store.addTask(makeTask('a'));
      expect(await store.lookupTask('a')).toEqual(makeTask('a'));
      await store.shutdown();
    } finally {
      await dropTables(dataSource, PREFIX);
      await dataSource.destroy();
    }
  });
});
