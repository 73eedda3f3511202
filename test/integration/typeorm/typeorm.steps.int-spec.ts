import { fileURLToPath } from 'node:url';
import type { DataSource } from 'typeorm';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { TypeormStore } from '../../../lib/stores/typeorm/typeorm.store.js';
import { createStoreContext } from '../../../lib/testing/store-context.js';
import { until } from '../../../lib/testing/until.js';
import { makeTask } from '../../../lib/testing/task.fixtures.js';
import { builtLibrary } from '../../support/built-library.js';
import { PrintingProcess } from '../../support/printing.process.js';
import { dropTables, mysql, postgres, sqlite } from './support/databases.js';

const WORKER = fileURLToPath(new URL('./support/transaction.worker.mjs', import.meta.url));
const PREFIX = `steps_${process.pid}`;
const EFFECTS = `${PREFIX}_effects`;

/** How many statements a run may take at the most; it takes about a dozen. */
const MOST = 40;

/** How many processes are under way at a time. */
const AT_A_TIME = 4;

describe.each([postgres(), mysql(), sqlite()])('a run with transactions on $name', (database) => {
  let dataSource: DataSource;
  let store: TypeormStore;

  beforeAll(async () => {
    dataSource = await database.open();
    await dataSource.query(`CREATE TABLE ${EFFECTS} (run varchar(40), step varchar(40))`);
    store = new TypeormStore({ ...database.settings, dataSource, tableName: PREFIX });
    await store.start(createStoreContext({ identity: 'parent' }));
  });
  afterAll(async () => {
    await store.shutdown();
    await dropTables(dataSource, PREFIX);
    await dataSource.query(`DROP TABLE ${EFFECTS}`);
    await dataSource.destroy();
    database.remove();
  });

  async function startWorker(handlers: readonly string[], diesAt: number): Promise<PrintingProcess> {
    const { type, url, database: file } = dataSource.options as { type: string; url?: string; database?: string };
    const work = {
      database: url ? { type, url } : { type, database: file, enableWAL: true },
      settings: database.settings,
      tableName: PREFIX,
      effects: EFFECTS,
      handlers,
      diesAt,
      // SQLite has done what it is asked for before anything else can happen.
      isSentFirst: url !== undefined,
    };
    const library = await builtLibrary();
    return new PrintingProcess(process.execPath, [WORKER, library, JSON.stringify(work)], { cwd: process.cwd() });
  }

  it('has each effect once, whichever of its statements its process dies at', async () => {
    const handlers: string[] = [];
    let killed = 0;
    for (let from = 1, isOver = false; !isOver && from <= MOST; from += AT_A_TIME) {
      const part = Array.from({ length: AT_A_TIME }, (_, at) => from + at);
      const ends = await Promise.all(
        part.map(async (diesAt) => {
          const handler = `work-${diesAt}`;
          handlers.push(handler);
          await store.addTask(makeTask(handler, { handler, nextRunTime: (await store.now()) - 1 }));
          return (await startWorker([handler], diesAt)).ended;
        }),
      );
      killed += ends.filter((end) => end === 'SIGKILL').length;
      isOver = ends.includes(0);
    }
    expect(killed).toBeGreaterThan(8);
    // Those whose process has died wait for the end of a lease.
    await startWorker(handlers, 0);
    const isDone = async () => !(await store.getAllTasks()).some(({ id }) => id.startsWith('work-'));
    await until(isDone, { what: 'all runs to end', timeoutMs: 60_000 });
    const effects = (await dataSource.query(`SELECT run, step FROM ${EFFECTS}`)) as { run: string; step: string }[];
    const expected = handlers.flatMap((handler) => [`${handler} first`, `${handler} end`]);
    expect(effects.map(({ run, step }) => `${run} ${step}`).sort()).toEqual(expected.sort());
    const { runs } = await store.runs({ status: 'succeeded' }, { limit: 1_000 });
    expect(runs.map(({ taskId, result }) => `${taskId} ${String(result)}`).sort()).toEqual(
      handlers.map((handler) => `${handler} ended`).sort(),
    );
  }, 300_000);

  it('keeps what others do on the same connection out of its transaction', async () => {
    await dataSource.query(`DELETE FROM ${EFFECTS}`);
    const added: Promise<void>[] = [];
    const failed = store.transaction(async (manager) => {
      await manager.query(`INSERT INTO ${EFFECTS} (run, step) VALUES ('a', 'b')`);
      added.push(store.addTask(makeTask('beside')));
      await manager.query(`SELECT run FROM ${EFFECTS}`);
      throw new Error('no');
    });
    await expect(failed).rejects.toThrow('no');
    await Promise.all(added);
    expect(await dataSource.query(`SELECT run FROM ${EFFECTS}`)).toEqual([]);
    expect(await store.lookupTask('beside')).not.toBeNull();
  });

  it('runs transactions that are begun at the same time, one after the other where they share a connection', async () => {
    await dataSource.query(`DELETE FROM ${EFFECTS}`);
    const all = await Promise.allSettled(
      Array.from({ length: 6 }, (_, at) =>
        store.transaction(async (manager) => {
          await manager.query(`INSERT INTO ${EFFECTS} (run, step) VALUES ('${at}', '')`);
          await manager.query(`SELECT run FROM ${EFFECTS}`);
          if (at % 2 === 0) throw new Error('no');
        }),
      ),
    );
    expect(all.map(({ status }) => status)).toEqual(
      Array.from({ length: 6 }, (_, at) => (at % 2 === 0 ? 'rejected' : 'fulfilled')),
    );
    const rows = (await dataSource.query(`SELECT run FROM ${EFFECTS}`)) as { run: string }[];
    expect(rows.map(({ run }) => run).sort()).toEqual(['1', '3', '5']);
  });
});
