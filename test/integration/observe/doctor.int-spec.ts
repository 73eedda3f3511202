import { randomBytes } from 'node:crypto';
import type { DataSourceOptions } from 'typeorm';
import { MemoryStore, Scheduler } from 'nestjs-asyncz';
import type { DiagnoseOptions, Diagnosis, SchedulerOptions, Store, TaskOptions } from 'nestjs-asyncz';
import { until } from 'nestjs-asyncz/testing';
import { RedisStore } from 'nestjs-asyncz/redis';
import { TypeormStore } from 'nestjs-asyncz/typeorm';
import { afterEach, describe, expect, it } from 'vitest';
import { clusterStores } from '../../cluster/cluster.stores.js';
import { useMongodb } from '../../support/mongodb.js';
import { TcpProxy } from '../../support/tcp.proxy.js';
import { EVERY_WRITE, NOTHING_KEPT, RedisServer } from '../redis/redis.server.js';
import { dropTables, mysql, postgres, sqlite, through } from '../typeorm/support/databases.js';
import type { TestDatabase } from '../typeorm/support/databases.js';

const mongodb = useMongodb();

const KEY = randomBytes(32).toString('base64');
const PREFIX = `asyncz_doctor_${process.pid}`;

let closing: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).toReversed()) await close();
});

/** Of each kind. */
const TASKS: readonly TaskOptions[] = [
  { id: 'often', handler: 'work', trigger: { type: 'interval', every: 200 }, timeout: 150 },
  { id: 'daily', handler: 'work', trigger: { type: 'cron', expression: '30 4 * * *' } },
  { id: 'once', handler: 'work', trigger: { type: 'date' } },
  { id: 'later', handler: 'work', trigger: { type: 'date', runAt: Date.now() + 3_600_000 } },
];

/** A scheduler with keys, a zone, and tasks of each kind, some of which have run. */
async function started(store: Store, options: SchedulerOptions = {}): Promise<Scheduler> {
  const scheduler = new Scheduler({
    timezone: 'UTC',
    encryption: { keys: [KEY] },
    stores: { default: store },
    ...options,
  });
  let runs = 0;
  scheduler.registerHandler('work', () => void (runs += 1));
  closing.push(() => scheduler.shutdown(0));
  await scheduler.start();
  for (const task of TASKS) await scheduler.addTask({ ...task, replaceExisting: true });
  await until(() => runs > 7, { what: 'runs' });
  return scheduler;
}

async function codes(scheduler: Scheduler, options?: DiagnoseOptions): Promise<string[]> {
  return (await scheduler.diagnose(options)).findings.map(({ code }) => code);
}

function expectSilence({ findings, leftOut, stores }: Diagnosis): void {
  expect(findings).toEqual([]);
  expect(leftOut).toEqual([]);
  expect(stores).toMatchObject([{ store: 'default' }]);
  expect(stores[0]!.tasks).toBeGreaterThanOrEqual(3);
  expect(stores[0]!.runs).toBeGreaterThan(0);
}

describe('in a healthy application diagnose is silent', () => {
  it('in memory', async () => expectSilence(await (await started(new MemoryStore())).diagnose()));

  it.each(clusterStores(() => mongodb.url()))('on $name', async ({ name, create }) => {
    let url: string | undefined;
    if (name === 'Redis') {
      const server = await RedisServer.start(EVERY_WRITE);
      closing.push(() => server.remove());
      ({ url } = server);
    }
    const backing = create(url);
    closing.push(() => backing.dispose());
    const scheduler = await started(backing.open());
    const second = new Scheduler({ timezone: 'UTC', encryption: { keys: [KEY] }, stores: { default: backing.open() } });
    second.registerHandler('work', () => {});
    closing.push(() => second.shutdown(0));
    await second.start();
    expectSilence(await scheduler.diagnose());
    expectSilence(await second.diagnose());
  });
});

describe('of a Redis that is set up to lose tasks, diagnose finds', () => {
  it('that it may evict, and that it keeps nothing', async () => {
    const server = await RedisServer.start([...NOTHING_KEPT, '--maxmemory-policy', 'allkeys-lru']);
    closing.push(() => server.remove());
    const scheduler = await started(new RedisStore({ url: server.url }));
    const { findings } = await scheduler.diagnose();
    expect(findings).toMatchObject([
      {
        code: 'redis-may-evict',
        severity: 'error',
        subject: { kind: 'store', id: 'default' },
        details: { address: `127.0.0.1:${server.port}`, policy: 'allkeys-lru' },
      },
      { code: 'redis-keeps-nothing', severity: 'error' },
    ]);
    // What was put right is found no more, without a start.
    await server.ask(async (client) => {
      await client.config('SET', 'maxmemory-policy', 'noeviction');
      await client.config('SET', 'appendonly', 'yes');
    });
    expect(await codes(scheduler)).toEqual([]);
  });
});

describe.each<TestDatabase>([postgres(), mysql(), sqlite()])('of tables in $name, diagnose finds', (database) => {
  const create = async () => {
    const admin = await database.open();
    closing.push(async () => {
      if (database.name !== 'SQLite') await dropTables(admin, PREFIX);
      await admin.destroy();
      database.remove();
    });
    return { admin, scheduler: await started(new TypeormStore({ database: database.url, tableName: PREFIX })) };
  };

  it('indexes that are not there, and columns', async () => {
    const { admin, scheduler } = await create();
    expect(await codes(scheduler)).toEqual([]);
    const onTable = database.name === 'MariaDB' || database.name === 'MySQL' ? ` ON ${PREFIX}_tasks` : '';
    await admin.query(`DROP INDEX ${PREFIX}_tasks_start${onTable}`);
    const { findings } = await scheduler.diagnose();
    expect(findings).toMatchObject([
      { code: 'indexes-missing', severity: 'error', details: { missing: [`${PREFIX}_tasks_start`] } },
    ]);
    await admin.query(`ALTER TABLE ${PREFIX}_runs RENAME COLUMN attempt TO attempts`);
    expect(await codes(scheduler)).toContain('schema-outdated');
  });
});

describe('of PostgreSQL, diagnose finds', () => {
  it('a pooler behind which notifications do not arrive', async () => {
    const database = postgres();
    const { hostname, port } = new URL(database.url);
    const proxy = await TcpProxy.start(Number(port), { host: hostname });
    proxy.joinAnswers(/asyncz_[0-9a-f]{16}/, 'never');
    closing.push(async () => {
      await proxy.stop();
      const admin = await database.open({} as Partial<DataSourceOptions>);
      await dropTables(admin, PREFIX);
      await admin.destroy();
    });
    const scheduler = await started(
      new TypeormStore({ database: through(database.url, proxy.port), tableName: PREFIX }),
    );
    const { findings } = await scheduler.diagnose();
    expect(findings).toMatchObject([{ code: 'notifications-lost', severity: 'warning', confidence: 'likely' }]);
    expect(findings[0]!.advice).toContain('PgBouncer');
  });

  it('a shared store without encryption', async () => {
    const kind = clusterStores(() => mongodb.url()).find(({ name }) => name === 'PostgreSQL')!;
    const backing = kind.create();
    closing.push(() => backing.dispose());
    const scheduler = await started(backing.open(), { encryption: undefined });
    expect(await codes(scheduler)).toEqual(['encryption-off']);
  });
});

describe('of MongoDB, diagnose finds', () => {
  it('indexes that somebody has dropped', async () => {
    const backing = clusterStores(() => mongodb.url())
      .find(({ name }) => name === 'MongoDB')!
      .create();
    closing.push(() => backing.dispose());
    const scheduler = await started(backing.open());
    const database = (backing.store.options as { database: string }).database;
    await mongodb.client().db(database).collection('asyncz_tasks').dropIndex('asyncz_list');
    expect((await scheduler.diagnose()).findings).toMatchObject([
      { code: 'indexes-missing', details: { missing: ['asyncz_tasks.asyncz_list'] } },
    ]);
  });
});

describe('of a host whose zone is not UTC, diagnose finds', () => {
  it('wall-clock times for which nobody said a zone', async () => {
    const before = process.env.TZ;
    process.env.TZ = 'Europe/Berlin';
    try {
      const without = await started(new MemoryStore(), { timezone: undefined });
      const { findings } = await without.diagnose();
      expect(findings).toMatchObject([
        { code: 'timezone-missing', details: { hostTimezone: 'Europe/Berlin', tasks: 1, some: ['daily'] } },
      ]);
      expect(await codes(await started(new MemoryStore()))).toEqual([]);
    } finally {
      if (before === undefined) delete process.env.TZ;
      else process.env.TZ = before;
    }
  });
});

describe('of a task whose calendar was changed by a deploy, diagnose finds', () => {
  it('that it never runs again', async () => {
    const backing = clusterStores(() => mongodb.url())
      .find(({ name }) => name === 'SQLite')!
      .create();
    closing.push(() => backing.dispose());
    const calendars = (days: readonly string[]) =>
      ({ calendars: { holidays: { weekdays: days } } }) as SchedulerOptions;
    const first = await started(backing.open(), calendars(['sun']));
    await first.addTask({
      id: 'mondays',
      handler: 'work',
      trigger: { type: 'cron', expression: '0 9 * * mon', calendar: 'holidays' },
    });
    expect(await codes(first)).toEqual([]);
    await first.shutdown();
    const second = await started(backing.open(), calendars(['sun', 'mon']));
    expect((await second.diagnose()).findings).toMatchObject([
      { code: 'task-never-fires', subject: { id: 'mondays' } },
    ]);
  });
});
