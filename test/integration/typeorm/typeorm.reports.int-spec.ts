import { createRequire } from 'node:module';
import { Scheduler } from 'nestjs-asyncz';
import { DefaultNamingStrategy } from 'typeorm';
import type { DataSource, DataSourceOptions } from 'typeorm';
import { afterEach, describe, expect, it } from 'vitest';
import { asynczEntities } from '../../../lib/stores/typeorm/index.js';
import { TypeormStore } from '../../../lib/stores/typeorm/typeorm.store.js';
import type { TypeormStoreOptions } from '../../../lib/stores/typeorm/typeorm.options.js';
import { mysql, postgres } from './support/databases.js';

type Parser = (text: string) => unknown;

// The one that TypeORM uses; it has no types.
const { types } = createRequire(import.meta.url)('pg') as {
  readonly types: {
    getTypeParser(oid: number): Parser;
    setTypeParser(oid: number, parser: Parser): void;
  };
};

const PREFIX = `Reports_${process.pid}`;

const opened: (() => Promise<unknown>)[] = [];

afterEach(async () => {
  for (const close of opened.toReversed()) await close();
  opened.length = 0;
});

/** Has a scheduler add a task for a moment, run another one now, and look at both. */
async function worksWith(options: TypeormStoreOptions): Promise<void> {
  const scheduler = new Scheduler({ stores: { default: new TypeormStore({ tableName: PREFIX, ...options }) } });
  opened.push(() => scheduler.shutdown(0));
  scheduler.registerHandler('work', (text) => `done ${String(text)}`);
  const runAt = new Date('2096-03-25T02:30:10.084Z');
  await scheduler.start();
  await scheduler.addTask({ id: 'later', handler: 'work', args: ['later'], trigger: { type: 'date', runAt } });
  await scheduler.addTask({
    id: 'daily',
    handler: 'work',
    args: ['now'],
    trigger: { type: 'cron', expression: '0 7 * * *' },
  });
  expect(await scheduler.runTask('daily', { wait: true })).toMatchObject({ status: 'succeeded', result: 'done now' });
  expect((await scheduler.getTask('later'))!.info.nextRunTime).toEqual(runAt);
  expect((await scheduler.getTaskInfos({ sortBy: 'nextRunTime' })).tasks.map(({ id }) => id)).toEqual([
    'daily',
    'later',
  ]);
  expect((await scheduler.getRuns({ taskId: 'daily' })).runs).toHaveLength(1);
}

/** Opens a database; its tables of this file are removed after the test. */
async function open(database: ReturnType<typeof postgres>, more: object = {}): Promise<DataSource> {
  const cleaner = await database.open();
  opened.push(async () => {
    const quote = cleaner.options.type === 'postgres' ? '"' : '`';
    for (const table of ['tasks', 'runs', 'schedulers', 'journal']) {
      await cleaner.query(`DROP TABLE IF EXISTS ${quote}${PREFIX}_${table}${quote}`);
    }
    await cleaner.destroy();
  });
  const dataSource = await database.open(more as Partial<DataSourceOptions>);
  opened.push(() => dataSource.destroy());
  return dataSource;
}

// What people reported of other schedulers, in words of our own; the names say where.
describe.each([postgres(), mysql()])('a store on $name', (database) => {
  it('takes names of tables in capitals (quartz-scheduler/quartz#31, #590, #1413, #1425)', async () => {
    await worksWith({ dataSource: await open(database) });
  });

  it.each([
    { timezone: '+05:30', dateStrings: true },
    { bigNumberStrings: true, supportBigNumbers: true },
  ])(
    'keeps times to the millisecond whatever the session says: %j (kagkarlsson/db-scheduler#803)',
    async (settings) => {
      const more =
        database.name === 'PostgreSQL'
          ? { extra: { options: '-c timezone=Asia/Kolkata -c datestyle=German' } }
          : settings;
      await worksWith({ dataSource: await open(database, more) });
    },
  );
});

describe('a store on PostgreSQL', () => {
  it.each([
    ['BigInt', (text: string) => BigInt(text)],
    ['text', (text: string) => text],
    ['numbers', (text: string) => Number(text)],
  ])('works where the application has pg read int8 as %s', async (_what, parser) => {
    const [int8, flag, stamp] = [20, 16, 1184].map((type) => types.getTypeParser(type));
    try {
      types.setTypeParser(20, parser);
      types.setTypeParser(16, (text) => text);
      types.setTypeParser(1184, (text) => text);
      await worksWith({ dataSource: await open(postgres()) });
    } finally {
      types.setTypeParser(20, int8!);
      types.setTypeParser(16, flag!);
      types.setTypeParser(1184, stamp!);
    }
  });

  it('works beside a naming strategy, a prefix of entities and synchronize', async () => {
    class Suffixed extends DefaultNamingStrategy {
      override tableName(target: string, given?: string): string {
        return `${given ?? target}_t`;
      }
      override columnName(property: string, given: string, prefixes: string[]): string {
        return `${super.columnName(property, given, prefixes)}_c`;
      }
    }
    const naming = { namingStrategy: new Suffixed(), entityPrefix: `app_${process.pid}_` };
    const dataSource = await open(postgres(), { ...naming, synchronize: true });
    await worksWith({ dataSource });
    await dataSource.synchronize();
    expect(
      await dataSource.query(`SELECT count(*)::int AS count FROM "${PREFIX}_tasks" WHERE id IN ('daily', 'later')`),
    ).toEqual([{ count: 2 }]);
    // With the entities among those of the application it has nothing to change, and drops nothing.
    const withEntities = await open(postgres(), {
      entities: asynczEntities({ type: 'postgres', tableName: PREFIX }),
    });
    expect((await withEntities.driver.createSchemaBuilder().log()).upQueries).toEqual([]);
    await withEntities.synchronize();
    expect(
      await withEntities.query(`SELECT count(*)::int AS count FROM "${PREFIX}_tasks" WHERE id IN ('daily', 'later')`),
    ).toEqual([{ count: 2 }]);
  });

  it('works for a role that may only read and write, and says what is missing without tables', async () => {
    const owner = await open(postgres());
    const role = `asyncz_dml_${process.pid}`;
    const password = 'only-in-this-test';
    await owner.query(`CREATE ROLE ${role} LOGIN PASSWORD '${password}'`);
    opened.push(async () => {
      const dataSource = await postgres().open();
      await dataSource.query(`DROP OWNED BY ${role}`);
      await dataSource.query(`DROP ROLE ${role}`);
      await dataSource.destroy();
    });
    const url = new URL(postgres().url);
    url.username = role;
    url.password = password;
    const asRole = { database: url.toString(), createSchema: 'if-missing' } as const;
    const [{ may }] = (await owner.query(`SELECT has_schema_privilege('${role}', 'public', 'CREATE') AS may`)) as [
      { may: boolean },
    ];
    if (!may) {
      const store = new TypeormStore({ ...asRole, tableName: PREFIX });
      const scheduler = new Scheduler({ stores: { default: store } });
      await expect(scheduler.start()).rejects.toThrow(/permission denied|asynczMigrations/);
      await scheduler.shutdown(0);
    }
    const maker = new Scheduler({ stores: { default: new TypeormStore({ dataSource: owner, tableName: PREFIX }) } });
    await maker.start();
    await maker.shutdown();
    for (const table of ['tasks', 'runs', 'schedulers', 'journal']) {
      await owner.query(`GRANT SELECT, INSERT, UPDATE, DELETE ON "${PREFIX}_${table}" TO ${role}`);
    }
    await worksWith(asRole);
  });
});
