import { EventEmitter, once } from 'node:events';
import { rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { DataSource } from 'typeorm';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { StoreUnavailableError } from '../../../lib/errors/store.errors.js';
import { TypeormStore } from '../../../lib/stores/typeorm/typeorm.store.js';
import { resultOf, startDue } from '../../../lib/testing/plan.fixtures.js';
import { createStoreContext } from '../../../lib/testing/store-context.js';
import { makeTask } from '../../../lib/testing/task.fixtures.js';
import { until } from '../../../lib/testing/until.js';
import { TcpProxy } from '../../support/tcp.proxy.js';
import { dropTables, mysql, postgres, through } from './support/databases.js';
import type { TestDatabase } from './support/databases.js';
import { claimDue, finishRuns } from '../../../lib/testing/store.steps.js';

const PREFIX = `fault_${process.pid}`;
const SECRET = 'pa55word';

/** With a password that must not be told. */
function secretly(url: string): string {
  const target = new URL(url);
  target.password = SECRET;
  return target.href;
}

const failureOf = (work: Promise<unknown>) =>
  work.then(
    () => null,
    (error: unknown) => error as Error,
  );

describe.each<{ database: TestDatabase; session: (port: number) => string; kill: (id: number) => string }>([
  {
    database: postgres(),
    session: (port) => `SELECT pid AS id FROM pg_stat_activity WHERE client_port = ${port}`,
    kill: (id) => `SELECT pg_terminate_backend(${id})`,
  },
  {
    database: mysql(),
    session: (port) => `SELECT id FROM information_schema.processlist WHERE host LIKE '%:${port}'`,
    kill: (id) => `KILL ${id}`,
  },
])('a failing $database.name', ({ database, session, kill }) => {
  const { hostname, port, protocol, pathname } = new URL(database.url);
  let admin: DataSource;
  let proxy: TcpProxy;
  let store: TypeormStore | null = null;

  const open = async (settings: object = {}) => {
    proxy = await TcpProxy.start(Number(port), { host: hostname });
    const url = through(database.url, proxy.port);
    store = new TypeormStore({ database: url, tableName: PREFIX, ...settings });
    await store.start(createStoreContext());
    return store;
  };

  beforeAll(async () => {
    admin = await database.open();
  });
  afterEach(async () => {
    await store?.shutdown();
    store = null;
    await proxy?.stop();
    await dropTables(admin, PREFIX);
  });
  afterAll(() => admin.destroy());

  it('that is down at the start is named with its address and the reason, and without the password', async () => {
    const down = new TypeormStore({ database: secretly(through(database.url, 1)) });
    const error = await failureOf(down.start(createStoreContext()));
    expect(error).toBeInstanceOf(StoreUnavailableError);
    expect(error!.message).toMatch(/127\.0\.0\.1:1\b/);
    expect(error!.message).toContain(pathname.slice(1));
    expect(error!.message).toMatch(/ECONNREFUSED/);
    expect(JSON.stringify([error!.message, error!.stack, error!.cause])).not.toContain(SECRET);
    // Nothing is left behind: it can be started when the server is there.
    await expect(down.start(createStoreContext())).rejects.toThrow(StoreUnavailableError);
  });

  it('that comes up late is waited for with connectRetry', async () => {
    proxy = await TcpProxy.start(Number(port), { host: hostname });
    const free = proxy.port;
    await proxy.stop();
    const url = through(database.url, free);
    const events = new EventEmitter();
    const warned = once(events, 'warn');
    store = new TypeormStore({ database: url, tableName: PREFIX, connectRetry: { attempts: 100, delay: '50ms' } });
    const starting = store.start(
      createStoreContext({
        logger: { debug() {}, info() {}, error() {}, warn: (message) => events.emit('warn', message) },
      }),
    );
    const [message] = (await warned) as [string];
    expect(message).toContain(`127.0.0.1:${free}`);
    expect(message).not.toContain(SECRET);
    proxy = await TcpProxy.start(Number(port), { host: hostname, port: free });
    await starting;
    await store.addTask(makeTask('a'));
  });

  it('that ends the sessions during claims loses nothing and is used again', async () => {
    const running = await open();
    const now = await running.now();
    const ids = Array.from({ length: 400 }, (_, at) => `t${String(at).padStart(3, '0')}`);
    await running.addTasks(ids.map((id) => makeTask(id, { nextRunTime: now - 1 })));
    let failures = 0;
    let kills = 0;
    const ended = new Set<string>();
    const request = { limit: 10, handlers: null };
    const work = async () => {
      // What was claimed by a call whose answer was lost is due again soon.
      const { claimed } = await claimDue(running, request, startDue('me', 3_000));
      const results = claimed.flatMap(({ task, start }) => (task ? [resultOf(task, start[0]!, 'succeeded')] : []));
      for (const { taskId } of (await finishRuns(running, results)).settled) ended.add(taskId);
    };
    const killing = (async () => {
      for (let round = 0; round < 6; round += 1) {
        await until(() => ended.size > round * 50, { what: `${round * 50} ended runs` });
        for (const port of proxy.ports) {
          const [found] = (await admin.query(session(port))) as { id: number }[];
          if (!found) continue;
          await admin.query(kill(found.id)).catch(() => {});
          kills += 1;
        }
      }
    })();
    await until(
      async () => {
        await work().catch((error: unknown) => {
          expect(error).toBeInstanceOf(StoreUnavailableError);
          failures += 1;
        });
        return (await running.getAllTasks().catch(() => [null])).length === 0;
      },
      { what: 'all tasks to be done', timeoutMs: 60_000 },
    );
    await killing;
    console.log(`${database.name}: ${kills} sessions ended, ${failures} failed operations`);
    expect(kills).toBeGreaterThan(0);
    const { runs } = await running.runs({ status: 'succeeded' }, { limit: 1_000 });
    expect(new Set(runs.map(({ taskId }) => taskId)).size).toBe(ids.length);
  });

  it('that does not answer is given up after operationTimeout, and used again when it does', async () => {
    const running = await open({ operationTimeout: 1_500 });
    await running.addTask(makeTask('a'));
    proxy.fallSilent();
    const error = await failureOf(Promise.resolve(running.lookupTask('a')));
    expect(error).toBeInstanceOf(StoreUnavailableError);
    expect(error!.message).toContain('no answer within 1500 ms');
    proxy.speakAgain();
    const task = await until(() => running.lookupTask('a').catch(() => null), { what: 'the store to work again' });
    expect(task).toEqual(makeTask('a'));
  });

  it('does not put what the application stores into errors', async () => {
    const running = await open();
    await admin.query(`DROP TABLE ${PREFIX}_runs`);
    await admin.query(`DROP TABLE ${PREFIX}_tasks`);
    const error = await failureOf(running.addTask(makeTask('a', { args: ['a private matter'] })));
    expect(error).toBeInstanceOf(StoreUnavailableError);
    expect(error!.message).toContain(`${PREFIX}_tasks`);
    expect(JSON.stringify([error, error!.message, error!.stack, error!.cause])).not.toContain('private');
  });

  it('that finds a deadlock is asked again', async () => {
    const running = await open();
    await running.addTasks(['a', 'b'].map((id) => makeTask(id)));
    // Both lock one of the tasks, and then want the other one's.
    const lock = (id: string) => `UPDATE ${PREFIX}_tasks SET name = 'changed elsewhere' WHERE id = '${id}'`;
    const waiting =
      protocol === 'postgres:'
        ? `SELECT 1 FROM pg_stat_activity WHERE query LIKE '%${PREFIX}\\_tasks%' AND wait_event_type = 'Lock'`
        : `SELECT 1 FROM information_schema.innodb_trx WHERE trx_state = 'LOCK WAIT' AND trx_query LIKE '%${PREFIX}%'`;
    /** Whether the server gave up the store's transaction, and not the one that it was up against. */
    const provoke = async () => {
      const runner = admin.createQueryRunner();
      await runner.startTransaction();
      await runner.query(lock('b'));
      const ours = Promise.resolve(
        running.transact({ ids: ['a', 'b'] }, (task) => ({
          task: { ...task, state: { ...task.state, failuresInARow: 1 } },
          history: [],
          value: null,
        })),
      );
      await until(
        async () => {
          // InnoDB shows a copy that is renewed only when nobody has looked for a tenth of a second.
          if (protocol !== 'postgres:') await admin.query('SELECT SLEEP(0.2)');
          return ((await admin.query(waiting)) as object[]).length > 0;
        },
        { what: 'the store to wait' },
      );
      const refused = await failureOf(runner.query(lock('a')));
      // Such a name without its record would make the task unreadable.
      await runner.rollbackTransaction();
      const { committed } = await ours;
      await runner.release();
      expect(committed.map(({ id }) => id)).toEqual(['a', 'b']);
      return refused === null;
    };
    // Both servers give up the one that has written nothing yet, PostgreSQL only if that has waited for less than a second.
    let rounds = 1;
    while (!(await provoke())) expect((rounds += 1)).toBeLessThan(10);
    expect(await running.lookupTask('b')).toMatchObject({ version: 1 + rounds, state: { failuresInARow: 1 } });
  });
});

describe('a PostgreSQL that ends a connection', () => {
  const database = postgres();
  const { hostname, port } = new URL(database.url);
  /** What the server tells a client just before it is ready for its first statement, and what when it ends the connection. */
  const [WELCOME, TERMINATED] = ['server_version', '57P01'];

  it('in the moment in which it is made does not end the process with it', async () => {
    const admin = await database.open();
    const proxy = await TcpProxy.start(Number(port), { host: hostname });
    const store = new TypeormStore({
      database: through(database.url, proxy.port),
      tableName: PREFIX,
      notify: false,
    });
    try {
      await store.start(createStoreContext());
      const before = new Set(proxy.ports);
      proxy.joinAnswers(WELCOME, TERMINATED);
      // More at a time than there are connections, so that one is made.
      const asking = Array.from({ length: before.size + 1 }, () => failureOf(Promise.resolve(store.lookupTask('a'))));
      await proxy.caught();
      const fresh = proxy.ports.filter((one) => !before.has(one));
      await admin.query('SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE client_port = ANY($1::int[])', [
        fresh,
      ]);
      const failures = (await Promise.all(asking)).filter((failure) => failure !== null);
      expect(failures).toEqual([expect.any(StoreUnavailableError)]);
      expect(await store.lookupTask('a')).toBeNull();
    } finally {
      await store.shutdown();
      await proxy.stop();
      await dropTables(admin, PREFIX);
      await admin.destroy();
    }
  });
});

describe('an SQLite file', () => {
  it('that is none is named', async () => {
    const file = join(tmpdir(), `asyncz-none-${process.pid}.db`);
    writeFileSync(file, 'this is no database, and long enough to be looked at as one'.repeat(20));
    const store = new TypeormStore({ database: `sqlite:${file}` });
    await expect(store.start(createStoreContext())).rejects.toThrow(file);
    rmSync(file);
  });
});
