import type { DataSource } from 'typeorm';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { standUnder } from '../../../lib/model/change.js';
import type { TakenTask } from '../../../lib/model/change.js';
import { SystemClock } from '../../../lib/model/clock.js';
import { PostgresDialect } from '../../../lib/stores/typeorm/dialects/postgres.dialect.js';
import { release, takeDue } from '../../../lib/stores/typeorm/dialects/postgres.take.js';
import { TableNames } from '../../../lib/stores/typeorm/schema/table.names.js';
import { storableExcept } from '../../../lib/stores/typeorm/sql/columns.js';
import { PostgresSession } from '../../../lib/stores/typeorm/sql/postgres.session.js';
import { TypeormStore } from '../../../lib/stores/typeorm/typeorm.store.js';
import type { TaskRecord } from '../../../lib/model/task.js';
import { createStoreContext } from '../../../lib/testing/store-context.js';
import { makeRun, makeTask } from '../../../lib/testing/task.fixtures.js';
import { dropTables, postgres } from './support/databases.js';

const PREFIX = `taking_${process.pid}`;
const NAMES = new TableNames(PREFIX, null);

describe.each([true, false])('taking on PostgreSQL, with a client that pipelines: %s', (pipeline) => {
  const database = postgres();
  let dataSource: DataSource;
  let store: TypeormStore;

  beforeEach(async () => {
    dataSource = await database.open({ extra: { pipeline } } as never);
    store = new TypeormStore({ dataSource, tableName: PREFIX });
    await store.start(createStoreContext());
  });
  afterEach(async () => {
    await store.shutdown();
    await dropTables(dataSource, PREFIX);
    await dataSource.query(`DROP FUNCTION IF EXISTS ${PREFIX}_refuse()`);
    await dataSource.destroy();
    database.remove();
  });

  const task = async (id: string) => (await store.lookupTask(id)) as TaskRecord;

  const take = async (...ids: string[]) => {
    const nextRunTime = (await store.now()) - 1;
    await store.addTasks(ids.map((id) => makeTask(id, { nextRunTime })));
    const { taken } = await store.exchange({
      take: { handlers: null, limit: 10, owner: 'me "o\'wner" ✓', leaseMs: 60_000 },
    });
    return taken!.tasks;
  };

  const released = (taken: TakenTask) => ({
    from: standUnder(taken),
    task: { ...taken.task, state: { ...taken.task.state, lastToken: taken.lease.token } },
    history: [makeRun(taken.task.id, { taskId: taken.task.id })],
  });

  /** Has the database refuse changes of the task "bad". */
  const refuse = async (when: string) => {
    await dataSource.query(`
      CREATE FUNCTION ${PREFIX}_refuse() RETURNS trigger LANGUAGE plpgsql AS
      $$ BEGIN IF NEW.id = 'bad' THEN RAISE EXCEPTION 'refused'; END IF; RETURN NEW; END $$`);
    await dataSource.query(`
      CREATE CONSTRAINT TRIGGER refuse AFTER UPDATE ON ${PREFIX}_tasks ${when}
      FOR EACH ROW EXECUTE FUNCTION ${PREFIX}_refuse()`);
  };

  it.each(['DEFERRABLE INITIALLY IMMEDIATE', 'DEFERRABLE INITIALLY DEFERRED'])(
    'rejects what the database refuses, at the statement or at the commit, and has written nothing: %s',
    async (when) => {
      const [bad, good] = await take('bad', 'good');
      await refuse(when);
      await expect(store.exchange({ write: [released(good!), released(bad!)] })).rejects.toThrow('refused');
      expect((await task('good')).state.lease).toEqual(good!.lease);
      expect((await store.runs({}, { limit: 9 })).runs).toEqual([]);
      // The connection is as before.
      expect((await store.exchange({ write: [released(good!)] })).written).toEqual({ lost: [], failed: [] });
      expect((await task('good')).state.lease).toBeNull();
      expect((await store.runs({}, { limit: 9 })).runs).toHaveLength(1);
    },
  );

  it('replaces a run that the history has already, and writes what goes with it', async () => {
    const write = (await take('a', 'b')).map(released);
    await store.saveRuns(write[0]!.history.map((run) => ({ ...run, result: 'old' })));
    expect((await store.exchange({ write })).written).toEqual({ lost: [], failed: [] });
    for (const id of ['a', 'b']) expect((await task(id)).state.lease).toBeNull();
    const { runs } = await store.runs({}, { limit: 9 });
    expect(runs.map(({ taskId, result }) => `${taskId}: ${String(result)}`).sort()).toEqual(['a: null', 'b: null']);
  });

  it('rejects a taking that the database refuses, and has taken nothing', async () => {
    await refuse('DEFERRABLE INITIALLY DEFERRED');
    await expect(take('bad', 'good')).rejects.toThrow('refused');
    for (const id of ['bad', 'good']) expect((await task(id)).state.lease).toBeNull();
  });

  it('keeps ids and owners with quotes, backslashes and letters of any script', async () => {
    const ids = [`it's "quoted"`, 'back\\slash\\u0000', '日本語 ✓ 🎉', 'e\u0301', 'a\n\t"}]'];
    const taken = await take(...ids);
    expect(taken.map(({ task: { id } }) => id).sort()).toEqual([...ids].sort());
    expect(taken[0]!.lease.owner).toBe('me "o\'wner" ✓');
    const leases = await Promise.all(taken.map(async (one) => (await task(one.task.id)).state.lease));
    expect(leases).toEqual(taken.map(({ lease }) => lease));
    expect((await store.exchange({ write: taken.map(released) })).written).toEqual({ lost: [], failed: [] });
    for (const id of ids) expect((await task(id)).state.lease).toBeNull();
    expect((await store.runs({}, { limit: 9 })).runs.map(({ taskId }) => taskId).sort()).toEqual([...ids].sort());
  });

  it('takes 1,000 tasks, a few of them with a megabyte of definition, and writes them at once', async () => {
    const nextRunTime = (await store.now()) - 1;
    const args = ['x'.repeat(1_000_000)];
    const ids = Array.from({ length: 1_000 }, (_, at) => `t${at}`);
    await store.addTasks(ids.map((id, at) => makeTask(id, { nextRunTime, ...(at % 400 === 0 && { args }) })));
    const { taken } = await store.exchange({ take: { handlers: null, limit: 1_000, owner: 'me', leaseMs: 60_000 } });
    expect(taken!.tasks).toHaveLength(1_000);
    const write = taken!.tasks.map(released);
    expect((await store.exchange({ write })).written).toEqual({ lost: [], failed: [] });
    expect((await task('t400')).definition.args).toEqual(args);
  });

  it('leaves a task that cannot be read under its lease if somebody who can read it has changed it meanwhile', async () => {
    await store.addTasks(['a', 'b'].map((id) => makeTask(id, { nextRunTime: 1 })));
    const before = [await task('a'), await task('b')];
    const dialect = new PostgresDialect(NAMES, false);
    const session = new PostgresSession(dataSource, dialect, 'here', new SystemClock(), 5_000);
    const { storeNow, records } = await session.transaction(() =>
      takeDue(
        dialect,
        {
          handlers: null,
          notHandlers: [],
          except: storableExcept(),
          codecs: createStoreContext().createCodec().readable(),
          excluded: [],
        },
        'priority',
        10,
        { owner: 'me', leaseMs: 60_000 },
      ),
    );
    expect(records).toHaveLength(2);
    await store.transact({ ids: ['a'] }, (one) => ({
      task: { ...one, state: { ...one.state, pause: { at: 1, actor: null, reason: null } } },
      value: null,
    }));
    const paused = await task('a');
    await session.write(() => release(dialect, records, storeNow));
    expect(await task('a')).toEqual(paused);
    expect(await task('b')).toEqual(before[1]);
  });
});
